import { html, type TemplateResult } from "lit";
import { MeshWidget } from "../widgets/widget";

class MeshChart extends MeshWidget {
  override get heading(): string { return "Chart"; }
  override render(): TemplateResult { return html`<p class="empty">soon</p>`; }
}
customElements.define("mesh-chart", MeshChart);
