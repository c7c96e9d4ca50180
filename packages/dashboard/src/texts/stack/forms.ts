/** Words that the editors of a stack share. */
export const picker = {
  edited: (service: string) => `${service} · edited`,
} as const;

export const unsaved = {
  label: 'Edits that are not saved',
  text: (what: string) => `Not saved: ${what}`,
  discard: 'Discard',
  save: 'Review and save',
  fixFirst: 'Mend what is marked first.',
  notAllowed: 'Your role does not allow you to change stacks.',
  paused: 'This stack is paused. Resume it to save.',
} as const;
