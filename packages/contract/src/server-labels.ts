/** What people say of a server, so that policies can match it: labels and an environment. Never what its agent reports. */
import * as z from 'zod';

export const labels_max = 32;

/** As Kubernetes has them, without a prefix: letters, digits, `-`, `_` and `.`, with a letter or digit at both ends. */
export const LabelKey = z
  .string()
  .max(63)
  .regex(
    /^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$/,
    'must be letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit',
  );
export const LabelValue = z
  .string()
  .max(63)
  .regex(
    /^([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?$/,
    'must be empty, or letters, digits, `-`, `_` and `.` that begin and end with a letter or digit',
  );
export const Labels = z
  .record(LabelKey, LabelValue)
  .refine((labels) => Object.keys(labels).length <= labels_max, `must be ${labels_max} at most`);
export type Labels = z.infer<typeof Labels>;

export const EnvironmentName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and dashes, such as `production`');
