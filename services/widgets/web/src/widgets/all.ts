/** Every widget there is, by its tag. */

import "../board/mesh-board";
import "../chart/mesh-chart";
import "./mesh-alerts";
import "./mesh-clock";
import "./mesh-company";
import "./mesh-filings";
import "./mesh-halts";
import "./mesh-news";
import "./mesh-quote";
import "./mesh-short";
import "./mesh-splits";
import "./mesh-tape";
