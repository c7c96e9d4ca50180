/** Words of the stack file: as it is, and in the editor. */
export const file = {
  text: 'The whole stack as code. Put it into a repository, and apply it from there with the command line:',
  command: (stack: string) => `mainstay apply --file ${stack}.yaml`,
  copy: 'Copy the file',
  download: 'Download',
  downloadName: (stack: string) => `${stack}.yaml`,
  edit: 'Edit',
  editor: (stack: string) => `Stack file of ${stack}`,
  draft: 'You have edits that are not saved.',
  goOn: 'Go on editing',
  cancel: 'Back to the file',
  discard: 'Discard edits',
  review: 'Review and save',
  paused: 'This stack is paused. Resume it to save.',
  changedMeanwhile: 'The stack changed since you began. Your text would take those changes back; the plan shows it.',
  saveTitle: (stack: string) => `Apply the stack file of ${stack}`,
  saveConfirm: 'Save and deploy',
  saveLead: 'What the file no longer names is taken off. Branches are looked up, so newer commits come along.',
  atLine: (line: number) => `Line ${line}`,
  problems: {
    notMap: 'A stack file is a list of names and values, beginning with “stack:”.',
    otherStack: (given: string, stack: string) =>
      `“stack” says ${given}, and this is ${stack}. To make another stack, use “New stack”.`,
  },
} as const;
