/** The whole look of the site. Colours reach a contrast of 4.5 to 1 in both schemes. */
export const siteStyle = `:root {
  --paper: #fdfdfb; --ink: #1d2329; --soft: #4d5863; --line: #d3d8dd; --tint: #f0f2f3; --link: #0b5394;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181c; --ink: #e6e9ec; --soft: #a9b3bd; --line: #38414a; --tint: #1e242a; --link: #8ec5ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .25rem .5rem; }
header { padding: .75rem 1.5rem; border-bottom: 1px solid var(--line); }
header a { font-weight: 650; color: var(--ink); text-decoration: none; font-size: 1.1rem; }
.columns { display: grid; grid-template-columns: 15rem minmax(0, 1fr); }
nav { padding: 1rem 1.5rem 2rem; border-right: 1px solid var(--line); }
nav h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 1.1rem 0 .2rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .12rem 0; text-decoration: none; overflow-wrap: anywhere; }
nav a:hover { text-decoration: underline; }
nav a[aria-current] { color: var(--ink); font-weight: 650; }
main { padding: 1rem 2.5rem 4rem; }
main > p, main > ul, main > h1, main > h2 { max-width: 50rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: .6rem 0 .3rem; }
main h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
.says { color: var(--soft); font-size: 1.05rem; margin-top: 0; }
.table { overflow-x: auto; margin: 1rem 0; max-width: 76rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: .85rem; font-weight: 600; }
tbody th { font-weight: 600; min-width: 9rem; }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
p code, li code, td code, th code { background: var(--tint); padding: .08em .3em; border-radius: 3px; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow: auto; max-height: 34rem; max-width: 76rem; }
figure { margin: 1.2rem 0; overflow-x: auto; }
figure svg { display: block; height: auto; max-width: 100%; min-width: 56rem; }
.pages { display: none; float: right; font-weight: 400; font-size: 1rem; }
figcaption { color: var(--soft); font-size: .85rem; margin-top: .4rem; }
@media (max-width: 50rem) {
  .columns { display: flex; flex-direction: column; }
  nav { order: 2; border-right: 0; border-top: 1px solid var(--line); }
  .pages { display: inline; color: var(--link); text-decoration: underline; }
  main { padding: 1rem 1.25rem 3rem; }
}
@media print { nav, header, .skip { display: none; } .columns { display: block; } pre { max-height: none; } }
`;
