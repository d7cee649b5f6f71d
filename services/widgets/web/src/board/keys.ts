/** The symbol that an arrow key leads to from *active*, scrolled into sight; null: it was another key. */
export function stepped(event: KeyboardEvent, scroll: Element, symbols: readonly string[], active: string, rowHeight: number): string | null {
  const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (!by || !symbols.length) return null;
  event.preventDefault();
  const to = Math.min(symbols.length - 1, Math.max(0, symbols.indexOf(active) + by));
  const [top, room] = [to * rowHeight, scroll.clientHeight - 2 * rowHeight];
  if (top < scroll.scrollTop) scroll.scrollTop = top;
  else if (top > scroll.scrollTop + room) scroll.scrollTop = top - room;
  return symbols[to];
}
