// What is known of one file of a data set by itself.

export interface Measures {
  /** Of the picture as the trainer sees it: turned as its EXIF data say. */
  readonly width: number;
  readonly height: number;
  readonly turned: boolean;
  readonly animated: boolean;
  /** 16 bits of gray, which the trainer reads as all white. */
  readonly gray16: boolean;
}

/** An image of which only the first bytes were read: it may yet turn out to be broken. */
export interface HeadFacts extends Measures {
  readonly is: "head";
}

export interface ImageFacts extends Measures {
  readonly is: "image";
  readonly transparent: boolean;
  readonly sha256: string;
  readonly look: string;
}

export interface VideoFacts {
  readonly is: "video";
  /** null: nobody here can read it out of this format. */
  readonly width: number | null;
  readonly height: number | null;
  readonly frames: number | null;
}

export interface ProblemFacts {
  readonly is: "broken" | "unsupported" | "too_large";
  readonly why: string;
}

export type Facts = HeadFacts | ImageFacts | VideoFacts | { readonly is: "audio" } | ProblemFacts;

/** Of an image that is none the worse for what is known so far. */
export const measuresOf = (facts: Facts | undefined): Measures | undefined =>
  facts?.is === "image" || facts?.is === "head" ? facts : undefined;

/** Was the file looked at to its end? */
export const isWhole = (facts: Facts | undefined): boolean => facts !== undefined && facts.is !== "head";
