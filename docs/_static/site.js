// From disk, a browser lets no page read another one: results without excerpts.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// What scrolls in itself has to be reached without a mouse.
window.addEventListener("load", () => {
  for (const each of document.querySelectorAll("article .table-wrapper, article pre")) {
    if (each.scrollWidth > each.clientWidth) {
      each.tabIndex = 0;
    }
  }
});
