/** Elements from values. Texts become text nodes, never markup, so that nothing that a service reports can become a script. */
export type Child = Node | string | null | false;

type Attributes = Record<string, string | null>;

/** Makes an element; a null attribute is left out, as are null and false children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  for (const child of children) if (child !== null && child !== false) made.append(child);
  return made;
}

/** Makes a drawing of one path on a 16 × 16 grid. It says nothing to screen readers: a word stands beside it. */
export function drawing(path: string, className: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  setAttributes(svg, { viewBox: '0 0 16 16', class: className, 'aria-hidden': 'true' });
  const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  setAttributes(shape, { d: path, 'fill-rule': 'evenodd' });
  svg.append(shape);
  return svg;
}

/** A point in time that `refreshTimes` keeps up to date: `3 s ago`, or a duration where `form` says so. */
export function time(at: number, form: 'ago' | 'for' = 'ago'): HTMLTimeElement {
  const iso = new Date(at).toISOString();
  return element('time', { datetime: iso, title: new Date(at).toLocaleString(), 'data-form': form });
}

function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) if (value !== null) target.setAttribute(name, value);
}
