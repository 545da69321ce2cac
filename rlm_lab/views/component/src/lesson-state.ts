// What a lesson remembers: the place, the guesses, the size, the theme. Draws nothing.
import type { Guess, Lesson, Place, Slide } from "./lesson-types";

const SIZES = [0.7, 0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75];
const USUAL = SIZES.indexOf(1);

export class State {
  place: Place = { at: 0, shown: false };
  guesses = new Map<number, Guess>();
  told = new Set<number>(); // slides that were shown
  size = USUAL;
  glossary = false;
  handout: "" | "answers" | "questions" = "";
  spoken = "";
  opened = new Set<string>();

  constructor(public lesson: Lesson, private readonly draw: () => void) {}

  /** The slide that is guessed or shown; none at the end. */
  get slide(): Slide | null { return this.lesson.slides[this.place.at] ?? null; }
  get last(): number { return this.lesson.slides.length; }
  get ended(): boolean { return this.place.at >= this.last; }
  get guess(): Guess { return this.guesses.get(this.place.at) ?? { chosen: null, typed: "" }; }

  /** What stands on the left while a step is guessed: the one before, or the opening. */
  get before(): Slide { return this.lesson.slides[this.place.at - 1] ?? this.lesson.opening; }

  changed(): void { this.draw(); }

  choose(option: number): void {
    if (this.place.shown || !this.slide || option >= this.slide.options.length) return;
    const chosen = this.guess.chosen === option ? null : option;
    this.guesses.set(this.place.at, { ...this.guess, chosen });
    this.spoken = chosen === null ? "No guess" : `You chose ${"ABCD"[chosen]}: ${this.slide.options[chosen]!.text}`;
    this.draw();
  }

  type(text: string): void {
    this.guesses.set(this.place.at, { ...this.guess, typed: text });
    this.draw();
  }

  /** One state further: a step is guessed, then shown. */
  forward(): void {
    if (this.ended) return;
    if (this.place.shown) this.go({ at: this.place.at + 1, shown: false });
    else this.go({ at: this.place.at, shown: true });
  }

  back(): void {
    if (this.place.shown) this.go({ at: this.place.at, shown: false });
    else if (this.place.at > 0) this.go({ at: this.place.at - 1, shown: true });
  }

  go(place: Place): void {
    this.place = { at: Math.min(Math.max(place.at, 0), this.last), shown: place.shown && place.at < this.last };
    if (this.place.shown) this.told.add(this.place.at);
    this.spoken = this.say();
    this.draw();
  }

  /** To a slide by its dot: shown if it was shown before. */
  jump(at: number): void { this.go({ at, shown: this.told.has(at) }); }

  resize(by: number): void {
    this.size = Math.min(Math.max(this.size + by, 0), SIZES.length - 1);
    this.spoken = `Size ${Math.round(this.scale * 100)} percent`;
    this.draw();
  }

  get scale(): number { return SIZES[this.size] ?? 1; }

  /** The heading over the options. */
  verdict(at = this.place.at): string {
    const slide = this.lesson.slides[at];
    if (!slide?.options.length) return "";
    const right = "ABCD"[slide.options.findIndex((option) => option.right)] ?? "A";
    const { chosen, typed } = this.guesses.get(at) ?? { chosen: null, typed: "" };
    if (chosen === null) return typed.trim() ? `It was ${right}. What do you say to yours?` : `It was ${right}.`;
    return "ABCD"[chosen] === right ? `You chose ${right}. So did the model.` : `You chose ${"ABCD"[chosen]}. It was ${right}.`;
  }

  private say(): string {
    const { slide, place } = this;
    if (!slide) return this.lesson.closing ? `${this.lesson.closing.title}. ${this.lesson.closing.so_far}` : "No further steps so far";
    return place.shown ? `${this.verdict()} Step ${slide.number}: ${slide.title}` : `Step ${slide.number}. What will the model do next?`;
  }
}

/** From and into the address: `#3` is step 3 to be guessed, `#3.` is shown. Steps by their place, from 1. */
export function placeOf(hash: string): Place | null {
  const found = /^#(\d{1,6})(\.?)$/.exec(hash);
  return found ? { at: Number(found[1]) - 1, shown: found[2] === "." } : null;
}

export function hashOf(place: Place): string { return `#${place.at + 1}${place.shown ? "." : ""}`; }
