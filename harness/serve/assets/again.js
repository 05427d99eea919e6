"use strict";
// Shows this page anew whenever the server says that there is more to show.
const changes = new EventSource(document.querySelector("main").dataset.changes);
let shown = Promise.resolve();
function again() {
  shown = shown.then(async () => {
    const answer = await fetch(location.href);
    const main = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (answer.ok && main) document.querySelector("main").replaceWith(main);
  }).catch(() => {}); // the next change, or a reader, tries again
}
changes.onmessage = again;
changes.addEventListener("end", () => { changes.close(); again(); });
