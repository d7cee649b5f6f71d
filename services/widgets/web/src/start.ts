/** Loads the page, which is named by its content: a browser that has it keeps it. */

void import("./main");
