// SPDX-License-Identifier: Apache-2.0
// look.cjs CHROMIUM URL QUERY PATH...: loads each page of a running `serve`, and prints what is wrong with it for anybody
// who looks at it, a line each: as a phone and a desktop show it, light and dark. Nothing where nothing is. `+reports`: each report
// that has rows.
'use strict';
const fs = require('fs');
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const ALL = [[390, 'light'], [390, 'dark'], [1280, 'light'], [1280, 'dark']];
const SOME = [[390, 'light'], [1280, 'dark']];  // each width and each theme, for the many reports
const [chromium, url, query, ...asked] = process.argv.slice(2);

async function reports() {
  const names = (await (await fetch(url + '/reports.json')).json()).map(report => report.name);
  const found = [];
  for (const name of names) {
    const answer = await fetch(`${url}/report/${name}.json?${query}`);
    // 413: it has too many rows for JSON; a page has the first ones.
    if (answer.status === 413 || (await answer.json()).length > 0) found.push(`/report/${name}`);
  }
  return found;
}

/// In the page, as the next one.
function tooWide() {
  const wide = document.documentElement.scrollWidth;
  return wide > window.innerWidth ? [`is ${wide} wide`] : [];
}
/// A desktop has room for as many columns as these.
function scrollsInCard() {
  const MOST = 12;
  if (window.innerWidth < 1280) return [];
  return [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth + 1 &&
    (one.querySelector('thead tr')?.cells.length ?? 2) <= MOST).map(one =>
    `has a table of ${one.scrollWidth} in a card of ${one.clientWidth}: ` + one.querySelector('tr').innerText.slice(0, 80));
}
async function accessibility() {
  const found = await axe.run(document, { resultTypes: ['violations'] });
  return found.violations.map(one => `${one.impact}: ${one.id}: ${one.help}: ` + one.nodes.slice(0, 3).map(node => node.html).join('; '));
}

/// A check that can't fail is none: of a page with faults it must say them.
async function expectToSeeFaults(browser) {
  const page = await browser.newPage();
  await page.setViewport({ width: 390, height: 900 });
  const logged = [];
  page.on('console', line => logged.push(line.text()));
  await page.setContent('<!DOCTYPE html><html><body><img src="data:,"><p style="color:#ccc;background:#fff;width:600px">faint</p><script>console.log("oh")</script>');
  await page.evaluate(axe + ';0');
  const found = [...await page.evaluate(tooWide), ...await page.evaluate(accessibility)].join('\n');
  for (const rule of [' wide', 'image-alt', 'color-contrast', 'html-has-lang', 'document-title']) {
    if (!found.includes(rule)) throw new Error(`${rule} is not seen: ${found}`);
  }
  await page.setViewport({ width: 1280, height: 900 });
  await page.setContent('<div class="scroll" style="overflow-x:auto"><table><thead><tr><th style="min-width:2000px">wide</th></tr></thead></table></div>');
  if ((await page.evaluate(scrollsInCard)).length !== 1) throw new Error('a table that scrolls is not seen');
  if (logged.join() !== 'oh') throw new Error('what a page logs is not heard: ' + logged);
  await page.close();
}

async function look(browser, path, screens) {
  const faults = [];
  const page = await browser.newPage();
  page.on('console', line => faults.push('logged: ' + line.text()));
  page.on('pageerror', error => faults.push('logged: ' + error.message));
  page.on('request', request => {
    if (!request.url().startsWith(url + '/') && !request.url().startsWith('data:')) faults.push('fetched: ' + request.url());
  });
  const hasWindow = !/^\/(incident\/|status|reports)/.test(path);
  const answer = await page.goto(url + path + (hasWindow ? '?' + query : ''), { waitUntil: 'load', timeout: 60000 });
  if (answer.status() !== 200) faults.push(`answered with ${answer.status()}: ${await answer.text()}`);
  await page.evaluate(axe + ';0');  // what comes over the debugger is not bound by the page's policy
  for (const [width, theme] of screens) {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    const here = [...await page.evaluate(tooWide), ...await page.evaluate(scrollsInCard)];
    here.push(...await page.evaluate(accessibility));
    faults.push(...here.map(fault => `${fault} (${width}, ${theme})`));
  }
  await page.close();
  return faults;
}

(async () => {
  const pages = asked.filter(path => path !== '+reports').map(path => [path, ALL]);
  if (asked.includes('+reports')) pages.push(...(await reports()).map(path => [path, SOME]));
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
  });
  try {
    await expectToSeeFaults(browser);
    for (const [path, screens] of pages) {
      for (const fault of await look(browser, path, screens)) console.log(`${path}: ${fault}`);
    }
  } finally {
    await browser.close();
  }
  console.error(`looked at ${pages.length} pages`);
})().catch(error => {
  console.error(error);
  process.exit(1);
});
