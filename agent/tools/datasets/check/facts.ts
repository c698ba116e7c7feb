// What is known of one file of a data set by itself.

export interface ImageFacts {
  readonly is: "image";
  /** Of the picture as the trainer sees it: turned as its EXIF data say. */
  readonly width: number;
  readonly height: number;
  readonly turned: boolean;
  readonly frames: number;
  readonly transparent: boolean;
  /** 16 bits of gray, which the trainer reads as all white. */
  readonly gray16: boolean;
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

export type Facts = ImageFacts | VideoFacts | { readonly is: "audio" } | ProblemFacts;
