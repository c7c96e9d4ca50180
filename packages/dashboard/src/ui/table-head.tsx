/** Head of a table whose last column holds what can be done with a row: that one is named for who does not see the buttons. */
import { general } from '../texts/general.ts';

export function TableHead({ titles }: { titles: readonly string[] }) {
  return (
    <thead>
      <tr>
        {titles.map((title) => (
          <th key={title} scope="col">
            {title}
          </th>
        ))}
        <th scope="col">
          <span className="visually-hidden">{general.actions}</span>
        </th>
      </tr>
    </thead>
  );
}
