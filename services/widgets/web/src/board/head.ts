import { LINE } from "../look/fields";
import type { Column } from "./columns";

const LEAST_WIDTH = 36;
const STEP = 8;

/** What a person does with the head of a column. */
export interface HeadActions {
  sort: (name: string) => void;
  resize: (name: string, width: number) => void;
  move: (name: string, by: -1 | 1) => void;
}

/** The cells of a board's head: rank and symbol, then its columns. *sort* is that of the view. */
export function headCells(columns: Column[], sort: string | null, actions: HeadActions): HTMLElement[] {
  const rank = headCell("#", "rank", "Rank");
  const symbol = headCell("Symbol", "symbol left", "Symbol");
  sortable(symbol, "symbol", sort, actions);
  return [rank, symbol, ...columns.map((column) => columnHead(column, sort, actions))];
}

function columnHead(column: Column, sort: string | null, actions: HeadActions): HTMLElement {
  const cell = headCell(column.title, column.ranking ? "ranking" : "", column.about);
  cell.style.setProperty("--width", `${column.width}px`);
  if (column.name !== LINE) sortable(cell, column.name, sort ?? (column.ranking ? column.name : null), actions);
  cell.addEventListener("keydown", (event) => {
    const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (!by || !(event.shiftKey || event.altKey)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.altKey) actions.move(column.name, by);
    else actions.resize(column.name, Math.max(LEAST_WIDTH, column.width + by * STEP));
  });
  const edge = document.createElement("span");
  edge.className = "edge";
  edge.addEventListener("click", (event) => event.stopPropagation());
  edge.addEventListener("pointerdown", (event) => drag(event, edge, cell, (width) => actions.resize(column.name, width)));
  cell.append(edge);
  return cell;
}

function sortable(cell: HTMLElement, name: string, sort: string | null, actions: HeadActions): void {
  cell.tabIndex = 0;
  cell.ariaSort = sort === name ? "descending" : sort === `+${name}` ? "ascending" : "none";
  cell.addEventListener("click", () => actions.sort(name));
  cell.addEventListener("keydown", (event) => event.key === "Enter" && actions.sort(name));
}

/** Follow the pointer until it is let go, then say the width. */
function drag(event: PointerEvent, edge: HTMLElement, cell: HTMLElement, done: (width: number) => void): void {
  event.preventDefault();
  event.stopPropagation();
  const from = event.clientX - cell.getBoundingClientRect().width;
  const width = (at: PointerEvent) => Math.max(LEAST_WIDTH, Math.round(at.clientX - from));
  const move = (at: PointerEvent) => cell.style.setProperty("--width", `${width(at)}px`);
  edge.setPointerCapture(event.pointerId);
  edge.addEventListener("pointermove", move);
  edge.addEventListener("pointerup", (at) => {
    edge.removeEventListener("pointermove", move);
    done(width(at));
  }, { once: true });
}

function headCell(text: string, name: string, about: string): HTMLElement {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.role = "columnheader";
  cell.className = name;
  cell.title = about;
  cell.textContent = text;
  return cell;
}
