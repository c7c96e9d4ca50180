/** A reason in words, in which names of files and settings stand between backticks. */
import { Foreign } from '../../../ui/foreign.tsx';

export function Reasoned({ text }: { text: string }) {
  // Every other part stood between two backticks; one that is left alone is a letter like any other.
  const parts = text.split('`');
  if (parts.length % 2 === 0) return <Foreign text={text} />;
  return parts.map((part, index) =>
    index % 2 === 0 ? (
      <Foreign key={index} text={part} />
    ) : (
      <code key={index}>
        <Foreign text={part} />
      </code>
    ),
  );
}
