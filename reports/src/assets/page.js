// Links into the page, the copy button, the current section; then everything starts.

function follow() {
  const [name, value] = location.hash.slice(1).split(/=(.*)/s);
  if (value === undefined || WORDS === null) return;
  const wanted = decodeURIComponent(value);
  if (name === "subject" && !showSubject(wanted)) showSubjects({ find: wanted });
  if (name === "holder") showSubjects({ find: wanted });
  if (name === "anomaly") showSubjects({ show: `anomaly:${wanted}` });
}

// A second click on the same link fires no hashchange event.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#"]');
  if (link?.getAttribute("href") === location.hash) setTimeout(follow);
});
window.addEventListener("hashchange", follow);

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = $(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

const sections = [...document.querySelectorAll("main section")];
const spy = () => {
  const current = sections.findLast((section) => section.getBoundingClientRect().top < 120);
  for (const link of document.querySelectorAll(".bar li a")) {
    if (current && link.hash === "#" + current.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
};
document.addEventListener("scroll", spy, { passive: true });

if (WORDS !== null) startTable();
startTimeline();
spy();
follow();
document.documentElement.dataset.ready = "true";
