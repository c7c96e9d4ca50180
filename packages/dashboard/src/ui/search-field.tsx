/** A field that filters what is on the page. What is typed stands in the address; `/` puts the cursor here. */
import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';

export type SearchFieldProps = {
  label: string;
  placeholder?: string;
  /** What stands in the address. */
  value: string;
  onChange(text: string): void;
  className?: string | undefined;
};

/** Keeps its own text while it has the focus: the address follows a moment later, and must not take letters back. */
export function SearchField({ label, placeholder, value, onChange, className }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const input = field.current;
    if (input && document.activeElement !== input && input.value !== value) input.value = value;
  }, [value]);
  return (
    <TextInput
      ref={field}
      className={className}
      data-search
      type="search"
      size="xs"
      leftSection={<IconSearch size={14} />}
      aria-label={label}
      placeholder={placeholder ?? label}
      defaultValue={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      autoComplete="off"
      spellCheck={false}
    />
  );
}
