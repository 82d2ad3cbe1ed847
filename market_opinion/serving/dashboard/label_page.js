// One item is marked here, without asking the server at each key; Enter sends what was marked.
// Every text is set as textContent, so nothing in an item is ever read as markup.

const SIGNS = { "+": "positive", "=": "positive", ArrowUp: "positive", "-": "negative",
  "−": "negative", ArrowDown: "negative", "*": "mixed" };
const MARK = { positive: "+", negative: "−", mixed: "±" };
// What stands on a button of the footer: its key, and what the key does.
const ACTS = [["+", "praise"], ["-", "complaint"], ["*", "mixed"], ["ArrowRight", "quote", "→"],
  ["/", "search"], ["Delete", "take back"], ["0", "nothing, next"], ["Enter", "save, next"],
  ["Backspace", "before"], [".", "later"]];
const HITS_MAX = 8;

const desks = new WeakMap();

function made(tag, text, className) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

function keyed(key, text, className, onclick) {
  const node = made("button", "", className);
  node.type = "button";
  if (key) node.append(made("kbd", key));
  node.append(text);
  node.onmousedown = (event) => event.preventDefault(); // keys stay with the page
  node.onclick = onclick;
  return node;
}

// Where sentences start and end; together they are the whole text, so that each is a quote of it.
function sentences(text) {
  const found = [];
  for (const match of text.matchAll(/[^.!?\n]+[.!?]*|[.!?\n]+/g)) {
    if (/\w/u.test(match[0]) || !found.length) found.push([match.index, match.index + match[0].length]);
    else found[found.length - 1][1] += match[0].length;
  }
  return found;
}

class Desk {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(name);
    this.onkey = (event) => this.key(event);
    window.addEventListener("keydown", this.onkey, true);
    const input = this.find(".search input");
    input.oninput = () => { this.hit = 0; this.drawHits(); };
  }

  close() { window.removeEventListener("keydown", this.onkey, true); }

  // A rerun of the page without another item, or another reading of it, keeps what is marked.
  show(data, send) {
    this.data = data;
    this.send = send;
    const version = JSON.stringify([data.item.id, data.saved, data.visit]);
    if (version !== this.version) {
      this.version = version;
      this.wait(false);
      this.names = new Map(data.catalogue.map((each) => [each.id, each.name]));
      this.slots = [...data.offered];
      this.mentions = [...(data.saved?.mentions ?? [])];
      this.mentions.forEach((id) => this.place(id));
      this.opinions = (data.saved?.opinions ?? []).map((each) => ({ ...each }));
      this.product = this.mentions.length === 1 ? this.mentions[0] : null;
      this.aspect = null;
      this.quote = -1;
      this.parts = sentences(data.item.text);
      this.say("");
      this.closeSearch();
      this.find(".item").scrollTop = 0;
    }
    this.draw();
  }

  say(text) { this.find(".message").textContent = text; }

  // Give a product a number; what is not marked makes room.
  place(id) {
    if (this.slots.includes(id)) return;
    if (this.slots.length < 9) { this.slots.push(id); return; }
    const free = this.slots.findLastIndex((each) => !this.mentions.includes(each));
    if (free >= 0) this.slots[free] = id;
  }

  key(event) {
    if (!this.root.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    const isOurs = target === this.find(".search input");
    if (!isOurs && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName ?? "")) return;
    const isButton = target.tagName === "BUTTON" || target.getAttribute?.("role") === "button";
    if (isButton && (event.key === "Enter" || event.key === " ")) return;
    const isUsed = isOurs ? this.searchKey(event.key) : this.deskKey(event.key);
    if (isUsed) event.preventDefault();
    // Streamlit has letters of its own, which must not act here.
    event.stopImmediatePropagation();
    if (!isUsed && event.key === "Tab") return;
  }

  deskKey(key) {
    if (this.isWaiting) return key.length === 1 || key === "Enter" || key === "Backspace";
    const letter = key.toLowerCase();
    const aspect = this.data.aspects.find((each) => each.key === letter);
    if (/^[1-9]$/.test(key)) this.choose(this.slots[Number(key) - 1]);
    else if (key === "0") this.nothing();
    else if (key === "/") this.openSearch();
    else if (key in SIGNS) this.sign(SIGNS[key]);
    else if (key === "ArrowLeft" || key === "ArrowRight") this.turn(key === "ArrowRight" ? 1 : -1);
    else if (key === "Enter") this.save();
    else if (key === "Backspace") this.go("back");
    else if (key === ".") this.go("skip");
    else if (key === "Delete") this.takeBack();
    else if (key === "Escape") { this.aspect = null; this.quote = -1; this.draw(); }
    else if (key === "PageDown" || key === "PageUp")
      this.find(".item").scrollBy(0, (key === "PageDown" ? 1 : -1) * this.find(".item").clientHeight * .8);
    else if (aspect) this.about(aspect.id);
    else return false;
    return true;
  }

  choose(id) {
    if (!id) return;
    const isMarked = this.mentions.includes(id);
    const isBare = !this.opinions.some((each) => each.product_id === id);
    if (isMarked && this.product === id && isBare) {
      this.mentions = this.mentions.filter((each) => each !== id);
      this.product = null;
    } else {
      if (!isMarked) this.mentions.push(id);
      this.product = id;
    }
    this.aspect = null;
    this.say("");
    this.draw();
  }

  about(aspect) {
    if (!this.product && this.mentions.length === 1) this.product = this.mentions[0];
    if (!this.product) { this.say("First the product: 1–9, or / to search"); return; }
    this.aspect = aspect;
    this.say(`${this.title(aspect)}: + or −?`);
    this.draw();
  }

  sign(label) {
    if (!this.aspect) { this.say("First the aspect: its letter"); return; }
    const evidence = this.quoted();
    this.opinions = this.opinions.filter((each) => !this.isCurrent(each));
    this.opinions.push({ product_id: this.product, aspect: this.aspect, label, evidence });
    this.aspect = null;
    this.quote = -1;
    this.say("");
    this.draw();
  }

  isCurrent(each) { return each.product_id === this.product && each.aspect === this.aspect; }

  takeBack() {
    if (this.aspect) this.opinions = this.opinions.filter((each) => !this.isCurrent(each));
    else if (this.product) {
      this.opinions = this.opinions.filter((each) => each.product_id !== this.product);
      this.mentions = this.mentions.filter((each) => each !== this.product);
      this.product = null;
    }
    this.aspect = null;
    this.say("");
    this.draw();
  }

  turn(step) {
    this.quote = Math.max(-1, Math.min(this.parts.length - 1, this.quote + step));
    this.draw();
  }

  // The words that a mouse has marked, else the sentence that the arrows have.
  quoted() {
    const { text } = this.data.item;
    const marked = String(window.getSelection?.() ?? "").trim();
    if (marked && text.includes(marked)) return marked;
    return this.quote < 0 ? "" : text.slice(...this.parts[this.quote]).trim();
  }

  nothing() {
    this.mentions = [];
    this.opinions = [];
    this.finish();
  }

  save() {
    if (this.aspect) this.say(`${this.title(this.aspect)}: + or −?`);
    else if (!this.mentions.length) this.say("Nothing is marked: 0 says that no product is meant");
    else this.finish();
  }

  finish() {
    this.wait(true);
    this.say("");
    this.send("done", { item_id: this.data.item.id, mentions: this.mentions, opinions: this.opinions });
  }

  go(way) {
    if (way === "back" && !this.data.has_before) { this.say("This is the first one"); return; }
    this.wait(true);
    this.send("move", way);
  }

  // Keys between one item and the next are of no item.
  wait(isWaiting) {
    this.isWaiting = isWaiting;
    this.find(".desk").classList.toggle("waiting", isWaiting);
  }

  openSearch() {
    this.find(".search").hidden = false;
    const input = this.find(".search input");
    input.value = "";
    this.hit = 0;
    this.drawHits();
    input.focus();
  }

  closeSearch() {
    this.find(".search").hidden = true;
    this.find(".search input").blur();
    this.find(".desk").focus({ preventScroll: true });
  }

  hits() {
    const words = this.find(".search input").value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.data.catalogue
      .filter((each) => words.every((word) => each.name.toLowerCase().includes(word)))
      .slice(0, HITS_MAX);
  }

  searchKey(key) {
    const hits = this.hits();
    if (key === "ArrowDown" || key === "ArrowUp") {
      this.hit = Math.max(0, Math.min(hits.length - 1, this.hit + (key === "ArrowDown" ? 1 : -1)));
      this.drawHits();
    } else if (key === "Enter") this.pick(hits[this.hit]);
    else if (key === "Escape") this.closeSearch();
    else return false;
    return true;
  }

  pick(hit) {
    if (!hit) return;
    this.closeSearch();
    this.place(hit.id);
    if (!this.mentions.includes(hit.id)) this.product = null;
    this.choose(hit.id);
  }

  title(aspect) { return this.data.aspects.find((each) => each.id === aspect)?.title ?? aspect; }

  drawHits() {
    this.find(".search ul").replaceChildren(...this.hits().map((each, place) => {
      const node = made("li", each.name, place === this.hit ? "current" : "");
      node.onmousedown = (event) => { event.preventDefault(); this.pick(each); };
      return node;
    }));
  }

  drawItem() {
    const { item } = this.data;
    this.find(".place").textContent = item.place;
    this.find("h2").textContent = item.title;
    this.find("h2").hidden = !item.title || item.title === item.text;
    this.find("blockquote").textContent = item.parent;
    this.find("blockquote").hidden = !item.parent;
    const text = this.find(".text");
    text.className = item.text.length > 900 ? "text long" : "text";
    text.replaceChildren(...this.parts.map(([start, end], place) =>
      made("span", item.text.slice(start, end), place === this.quote ? "quoted" : "")));
    text.querySelector(".quoted")?.scrollIntoView({ block: "nearest" });
  }

  drawMarks() {
    this.find(".products").replaceChildren(...this.slots.map((id, place) => {
      const classes = [this.mentions.includes(id) && "marked", this.product === id && "current"];
      const node = made("li", "");
      node.append(keyed(String(place + 1), this.names.get(id) ?? id, classes.filter(Boolean).join(" "),
        () => this.choose(id)));
      return node;
    }));
    this.find(".aspects").replaceChildren(...this.data.aspects.map((each) => {
      const said = this.opinions.find((one) => one.product_id === this.product && one.aspect === each.id);
      const classes = [said?.label, this.aspect === each.id && "current"];
      const sign = said ? ` ${MARK[said.label]}` : "";
      return keyed(each.key, each.title + sign, classes.filter(Boolean).join(" "), () => this.about(each.id));
    }));
    this.find(".opinions").replaceChildren(...this.opinions.map((each) => {
      const quote = each.evidence ? ` “${each.evidence.slice(0, 60)}”` : "";
      const product = this.names.get(each.product_id) ?? each.product_id;
      return made("li", `${MARK[each.label]} ${product}: ${this.title(each.aspect)}${quote}`);
    }));
  }

  draw() {
    const { data } = this;
    this.drawItem();
    this.drawMarks();
    this.find(".keys").replaceChildren(...ACTS.map(([key, text, name]) =>
      keyed(name ?? key, text, "", () => this.deskKey(key))));
    this.find(".bar div").style.width = `${100 * data.done / Math.max(data.drawn, 1)}%`;
    this.find(".progress").textContent = `${data.done} of ${data.drawn} read`;
    this.find(".agreement").textContent = data.agreement.join(" ");
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let desk = desks.get(parentElement);
  if (!desk) {
    desk = new Desk(parentElement);
    desks.set(parentElement, desk);
  }
  desk.show(data, setTriggerValue);
  return () => { desk.close(); desks.delete(parentElement); };
}
