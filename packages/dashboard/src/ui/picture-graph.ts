/** A graph that is a picture with links in it, not an application with keys of its own: it neither moves nor zooms, and the page scrolls. */
import type { ReactFlowProps } from '@xyflow/react';
import { type RefObject, useEffect } from 'react';

export const pictureGraph = {
  nodesDraggable: false,
  nodesConnectable: false,
  nodesFocusable: false,
  edgesFocusable: false,
  elementsSelectable: false,
  panOnDrag: false,
  zoomOnScroll: false,
  zoomOnPinch: false,
  zoomOnDoubleClick: false,
  preventScrolling: false,
  disableKeyboardA11y: true,
  minZoom: 1,
  maxZoom: 1,
  proOptions: { hideAttribution: true },
} as const satisfies ReactFlowProps;

/** Tells it as a group of its boxes; the library would call it an application. */
export function usePictureRole(frame: RefObject<HTMLElement | null>): void {
  useEffect(() => frame.current?.querySelector('.react-flow')?.setAttribute('role', 'group'));
}
