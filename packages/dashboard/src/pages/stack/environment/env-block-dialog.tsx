/** Takes the text of a .env file, says what was found in it, and gives it to the table. What is pasted is kept nowhere. */
import { Button, Modal, Textarea } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { environment } from '../../../texts/stack/environment.ts';
import formCss from '../forms.module.css';
import { type EnvEntry, parseEnvBlock } from './env-block.ts';

const texts = environment.block;
const problems_shown_max = 5;

export type EnvBlockDialogProps = {
  names: readonly string[];
  onClose(): void;
  onUse(entries: EnvEntry[]): void;
};

export function EnvBlockDialog({ names, onClose, onUse }: EnvBlockDialogProps) {
  const [text, setText] = useState('');
  const { entries, problems } = parseEnvBlock(text);
  const replaced = entries.filter(({ name }) => names.includes(name)).length;
  return (
    <Modal opened onClose={onClose} title={texts.title} size="lg" closeButtonProps={{ 'aria-label': general.close }}>
      <form
        className={formCss.column}
        onSubmit={(event) => {
          event.preventDefault();
          if (entries.length > 0) onUse(entries);
        }}
      >
        <Textarea
          label={texts.field}
          description={texts.text}
          placeholder={texts.placeholder}
          rows={10}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          spellCheck={false}
          data-autofocus
        />
        <div aria-live="polite">
          <p>{entries.length === 0 ? texts.nothing : texts.found(entries.length - replaced, replaced)}</p>
          {problems.slice(0, problems_shown_max).map(({ line, why }) => (
            <p key={line} className="quiet">
              {texts.line(line, why)}
            </p>
          ))}
        </div>
        <div className={formCss.tools} style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            {general.cancel}
          </Button>
          <Button type="submit" disabled={entries.length === 0}>
            {texts.use}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
