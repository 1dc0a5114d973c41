// Sphinx's search drops numbers, and finds a heading only by most of its text. This adds both.
// It is loaded right after Sphinx's script, and before a search begins.
if (typeof Search !== "undefined") {
  let stemmer; // its class is defined below this script

  const parse = Search._parseQuery;
  Search._parseQuery = (query) => {
    const parsed = parse(query);
    for (const word of splitQuery(query).filter((each) => /^\d+$/.test(each))) {
      parsed[1].add(word);
      parsed[3].add(word);
    }
    return parsed;
  };

  // The words of *text*, and those of the *terms* that are among them.
  const shared = (terms, text) => {
    stemmer ??= new Stemmer();
    const words = splitQuery(text.toLowerCase()).map((each) => stemmer.stemWord(each));
    return [words, [...terms].filter((each) => words.includes(each))];
  };
  const headings = (terms) => {
    const { alltitles, docnames, filenames, titles } = Search._index;
    return Object.entries(alltitles).flatMap(([heading, places]) => {
      const [words, common] = shared(terms, heading);
      if (!terms.size || common.length < terms.size) return [];
      return places.map(([file, id]) => {
        const isPage = titles[file] === heading;
        const title = isPage ? heading : `${titles[file]} > ${heading}`;
        const anchor = id && !isPage ? `#${id}` : "";
        const points = (isPage ? 15 : 10) + Math.round((10 * terms.size) / words.length);
        return [docnames[file], title, anchor, null, points, filenames[file], "title"];
      });
    });
  };
  const search = Search.performTermsSearch;
  Search.performTermsSearch = (terms, excluded) => {
    const found = search(terms, excluded);
    // Sphinx gives a page the points of a title for a word in any of its headings.
    for (const each of found) {
      const common = shared(terms, each[1])[1].length;
      each[4] = Math.min(each[4], Scorer.term + (8 * common) / terms.size);
    }
    const pages = new Set(found.map((each) => each[0]));
    return [...found, ...headings(terms).filter((each) => pages.has(each[0]))];
  };
}

// Pages that mention everything come after those that explain it.
const LOW = /^(tutorial|project|explanation|runbook)\/|^reference\/(delivery|compatibility)$/;
// What other pages with the same names refer to.
const FIRST = /^reference\/(settings|contract)$/;
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
  score: ([name, , , , score, , kind]) => {
    if (kind === SearchResultKind.index)
      return (score < 100 ? score / 5 : score) + (FIRST.test(name) ? 2 : 0);
    return score - (kind === SearchResultKind.text && LOW.test(name) ? 3 : 0);
  },
};
