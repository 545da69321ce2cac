// A lesson as the page gets it: JSON, every text of it hostile until it is a text node.

export interface Option { text: string; reason: string; right: boolean }
export interface Shown { text: string; cut: number; tail: string; picture: string }
export interface Variable { name: string; told: string; mark: string }
export interface Term { word: string; meaning: string }

/** A line of code as pieces of a kind and a text; the colours were found where the page was written, so that it needs no parser. */
export type CodeLine = [kind: string, text: string][];

export interface Slide {
  number: number; act: string; title: string; narration: string; code: CodeLine[][]; outputs: Shown[]; variables: Variable[]; more_variables: number;
  calls: string[]; error: string; options: Option[]; talk: string; so_far: string; seen: string;
}

export interface Lesson {
  run: string; question: string; model: string; note: string; opening: Slide; slides: Slide[]; closing: Slide | null; glossary: Term[];
  back: string | null; // where the run itself is shown
}

/** Where a class stands: a place for each slide, guessed or shown, and one for the end. */
export interface Place { at: number; shown: boolean }
export interface Guess { chosen: number | null; typed: string }

export const LETTERS = ["A", "B", "C", "D"];
