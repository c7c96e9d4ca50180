/** The look of Mainstay on Mantine's components: colours, type, density. Tones of states are CSS variables in theme.css. */
import {
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';

const harbour: MantineColorsTuple = [
  '#e7f6f4',
  '#d3ebe8',
  '#a8d6d1',
  '#79c0b9',
  '#4fada4',
  '#2f9d93',
  '#0f7f77',
  '#0b6b66',
  '#085753',
  '#04413e',
];

/** Greys with a little of the sea in them; 0 is nearly white, 9 nearly black. */
const slate: MantineColorsTuple = [
  '#c9d3d1',
  '#b3bfbd',
  '#93a19e',
  '#71807d',
  '#3c4a48',
  '#2b3735',
  '#1f2928',
  '#161e1d',
  '#101716',
  '#0b1010',
];

/** Grounds of notices are those of the states that they tell of: calm, and with words that can be read on them. */
const tones: Record<string, string> = { red: 'bad', yellow: 'warning', green: 'good', blue: 'busy', gray: 'idle' };

/** Words on our own colour are light or dark as the scheme's shade of it asks; by itself only the light scheme's is looked at. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  const tone = input.variant === 'light' ? tones[input.color ?? ''] : undefined;
  if (tone) return { ...colors, background: `var(--ms-tint-${tone})`, color: `var(--ms-${tone})` };
  // What destroys is as red in the dark, so that its word can be read on it.
  if (input.variant === 'filled' && input.color === 'red')
    return { ...colors, background: 'var(--ms-danger)', hover: 'var(--ms-danger-hover)', color: '#ffffff' };
  const isPrimary = input.color === undefined || input.color === input.theme.primaryColor;
  return input.variant === 'filled' && isPrimary
    ? { ...colors, color: 'var(--mantine-primary-color-contrast)' }
    : colors;
};

export const theme = createTheme({
  variantColorResolver,
  primaryColor: 'harbour',
  primaryShade: { light: 7, dark: 3 },
  autoContrast: true,
  luminanceThreshold: 0.36,
  colors: { harbour, dark: slate },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, 'SF Mono', 'Liberation Mono', monospace",
  headings: { fontWeight: '620', sizes: { h1: { fontSize: '1.375rem', lineHeight: '1.3' }, h2: { fontSize: '1rem' } } },
  defaultRadius: 'md',
  radius: { md: '8px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true, events: { hover: true, focus: true, touch: true } } },
    Modal: {
      defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45 } },
      styles: { title: { fontWeight: 620, overflowWrap: 'anywhere' } },
    },
    Button: { defaultProps: { size: 'sm' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
  },
});
