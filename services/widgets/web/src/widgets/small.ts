/** Widgets of a few hundred bytes each: apart they would be as many files, and more of them in all. */

import "./mesh-alerts";
import "./mesh-clock";
import "./mesh-halts";
import "./mesh-news";
import "./mesh-quote";
import "./mesh-tape";
