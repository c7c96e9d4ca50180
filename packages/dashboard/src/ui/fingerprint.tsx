/** Id of a key as two people compare it: all of it, in groups that can be read out. */
import { CopyButton } from './copy-button.tsx';
import css from './fingerprint.module.css';

export function Fingerprint({ id }: { id: string }) {
  return (
    <span className={css.fingerprint}>
      <code>
        {id.match(/.{1,4}/g)?.map((group, index) => (
          <span key={`${index} ${group}`}>{group}</span>
        ))}
      </code>
      <CopyButton text={id} />
    </span>
  );
}
