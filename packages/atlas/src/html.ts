import { type Block, type Inline, type Page, spansOf, type Table, wayTo } from "./page.ts";
import { siteStyle } from "./site-style.ts";

/**
 * Pages as a site, by file name: plain HTML, one style sheet, no script, nothing fetched from anywhere. Every page reaches every other.
 */
export function siteFiles(pages: readonly Page[], system: string): Map<string, string> {
  const paths = new Set(pages.map(({ path }) => path));
  const nameOf = (path: string) => (paths.has(path) ? `${path}.html` : path);
  const files = new Map<string, string>([["style.css", siteStyle]]);
  for (const page of pages) {
    const way = (to: string) => wayTo(page.path, to, nameOf);
    files.set(nameOf(page.path), document(page, pages, system, way));
  }
  return files;
}

type Way = (to: string) => string;

function document(page: Page, pages: readonly Page[], system: string, way: Way): string {
  const title = page.path === "index" ? page.title : `${page.title} – ${system}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escaped(page.says.replaceAll("`", ""))}">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${way("style.css")}">
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header><a href="${way("index")}">${escaped(system)}</a> <a class="pages" href="#pages">All pages</a></header>
<div class="columns">
<nav id="pages" aria-label="Pages" tabindex="-1">
${navigation(page, pages, way)}
</nav>
<main id="content" tabindex="-1">
<h1>${escaped(page.title)}</h1>
<p class="says">${inlineHtml(page.says, way)}</p>
${page.blocks.map((block) => blockHtml(block, way)).join("\n")}
</main>
</div>
</body>
</html>
`;
}

function navigation(page: Page, pages: readonly Page[], way: Way): string {
  return [...Map.groupBy(pages, ({ group }) => group)]
    .map(([group, own]) => {
      const items = own.map(({ path, title }) => {
        const here = path === page.path ? ' aria-current="page"' : "";
        return `<li><a href="${way(path)}"${here}>${escaped(title.replace(/^Runbook: /, ""))}</a></li>`;
      });
      return `<h2>${escaped(group)}</h2>\n<ul>\n${items.join("\n")}\n</ul>`;
    })
    .join("\n");
}

function blockHtml(block: Block, way: Way): string {
  switch (block.is) {
    case "heading":
      return `<h2 id="${idOf(block.text)}">${inlineHtml(block.text, way)}</h2>`;
    case "text":
      return `<p>${inlineHtml(block.text, way)}</p>`;
    case "list":
      return `<ul>\n${block.items.map((item) => `<li>${inlineHtml(item, way)}</li>`).join("\n")}\n</ul>`;
    case "table":
      return tableHtml(block, way);
    case "code":
      // Reachable by keyboard, because it scrolls.
      return `<pre tabindex="0" role="region" aria-label="${escaped(block.name)}"><code>${escaped(block.text)}</code></pre>`;
    case "figure":
      return `<figure tabindex="0" role="region" aria-label="Picture">\n${block.svg.trim()}\n<figcaption><a href="${way(block.file)}">The picture alone</a></figcaption>\n</figure>`;
  }
}

function tableHtml({ name, header, rows }: Table, way: Way): string {
  const head = header.map((cell) => `<th scope="col">${inlineHtml(cell, way)}</th>`).join("");
  const body = rows.map(([first = "", ...cells]) => {
    const rest = cells.map((cell) => `<td>${inlineHtml(cell, way)}</td>`).join("");
    return `<tr><th scope="row">${inlineHtml(first, way)}</th>${rest}</tr>`;
  });
  return `<div class="table" tabindex="0" role="region" aria-label="${escaped(name)}"><table>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join("\n")}
</tbody></table></div>`;
}

function inlineHtml(inline: Inline, way: Way): string {
  return spansOf(inline)
    .map(({ is, text, to }) => {
      if (is === "code") return `<code>${escaped(text)}</code>`;
      return is === "link" ? `<a href="${escaped(way(to as string))}">${escaped(text)}</a>` : escaped(text);
    })
    .join("");
}

function idOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** For element content and quoted attributes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] as string);
}
