/** How much room the lines of a log have: pixels of the scroller, and the width of one column of its font. */
import { type RefObject, useLayoutEffect, useState } from 'react';

/** Columns of the hidden text by which a column is measured. */
export const probe_columns = 50;

/** Follows the size of the scroller; the canvas holds the probe (`data-probe`). */
export function useBox(scroller: RefObject<HTMLDivElement | null>, canvas: RefObject<HTMLDivElement | null>) {
  const [box, setBox] = useState({ width: 800, height: 600, column: 7.2 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => {
      const probe = canvas.current?.querySelector<HTMLElement>('[data-probe]');
      const column = probe && probe.offsetWidth > 0 ? probe.offsetWidth / probe_columns : 7.2;
      setBox((before) => {
        const next = { width: element.clientWidth, height: element.clientHeight, column };
        const isSame = before.width === next.width && before.height === next.height && before.column === column;
        return isSame ? before : next;
      });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    void document.fonts?.ready.then(measure);
    return () => observer.disconnect();
  }, [scroller, canvas]);
  return box;
}
