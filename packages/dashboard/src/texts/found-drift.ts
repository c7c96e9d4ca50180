/** Words of what others changed on a server. */
export const foundDrift = {
  title: 'Changed by others',
  putBack: 'Put back',
  open: 'Being put back',
  unknown: 'Who did it is not known.',
  hint: 'Not known for certain;',
};
