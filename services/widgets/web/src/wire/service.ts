/** Where the service is that this module came from, whatever page it is on; ends with a slash. */
export const SERVICE = new URL(".", import.meta.url).href;
