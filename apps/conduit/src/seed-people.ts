/** Who lives in the demo. Names in several scripts, with and without a bio, a picture, articles. */
import type { Random } from "./seed-random.ts";

/** The mail addresses of the demo end in this: a domain that never exists (RFC 2606). */
const DOMAIN = "conduit.example";

export interface Person {
  readonly username: string;
  readonly email: string;
  readonly bio: string | null;
  readonly hasImage: boolean;
  /** The names of the themes that they write about; none for who only reads. */
  readonly themes: readonly string[];
  /** How readily they favourite what they read, from 0 (never) to 1. */
  readonly eagerness: number;
  /** How many others they follow. */
  readonly follows: number;
}

/** The first is the one that people are told to log in as. */
export const PEOPLE: readonly Person[] = [
  {
    username: "demo",
    email: `demo@${DOMAIN}`,
    bio: "You, if you have just run the demo. Writes little, reads a lot, tries every button.",
    hasImage: true,
    themes: ["Tools", "Weeknight cooking", "Photographs"],
    eagerness: 0.6,
    follows: 6,
  },
  {
    username: "mara.lindqvist",
    email: `mara@${DOMAIN}`,
    bio: "Walks slowly, reads on trains, collects words that are too long.\n\nLives between a lake and a library.",
    hasImage: true,
    themes: ["On foot", "Books", "The wild corner", "By train"],
    eagerness: 0.7,
    follows: 5,
  },
  {
    username: "Tomás Ferreira",
    email: `tomas@${DOMAIN}`,
    bio: "Baker by night, mechanic by day, cellist by stubbornness.",
    hasImage: true,
    themes: ["Bread", "Bicycles", "Music, late"],
    eagerness: 0.5,
    follows: 4,
  },
  {
    username: "Юлия Орлова",
    email: `yulia@${DOMAIN}`,
    bio: "Базы данных, поезда, толстые книги. Иногда всё сразу.",
    hasImage: true,
    themes: ["Databases", "By train", "Books"],
    eagerness: 0.4,
    follows: 3,
  },
  {
    username: "نورا الحداد",
    email: `noura@${DOMAIN}`,
    bio: "مبرمجة، وصاحبة ياسمينة عنيدة. أكتب بالعربية صباحًا وبالإنجليزية مساءً.",
    hasImage: true,
    themes: ["Types", "Debugging", "Weeknight cooking"],
    eagerness: 0.6,
    follows: 4,
  },
  {
    username: "יעל ברק",
    email: `yael@${DOMAIN}`,
    bio: "רשתות, לחם וצילום. לא בסדר הזה.",
    hasImage: false,
    themes: ["Networks", "Photographs", "Bread"],
    eagerness: 0.5,
    follows: 3,
  },
  {
    username: "佐藤健",
    email: `ken@${DOMAIN}`,
    bio: "小さな道具と長い散歩が好きです。",
    hasImage: true,
    themes: ["Tools", "Types", "Testing", "Photographs"],
    eagerness: 0.3,
    follows: 2,
  },
  {
    username: "김하늘",
    email: `haneul@${DOMAIN}`,
    bio: null,
    hasImage: true,
    themes: ["Testing", "Databases", "Preserving"],
    eagerness: 0.5,
    follows: 4,
  },
  {
    username: "priya_natarajan",
    email: `priya@${DOMAIN}`,
    bio: "Fixes things that other people swear are impossible. Currently learning to sing in thirds.",
    hasImage: true,
    themes: ["Debugging", "Working together", "Networks", "Music, late"],
    eagerness: 0.8,
    follows: 7,
  },
  {
    username: "kwame-mensah",
    email: `kwame@${DOMAIN}`,
    bio: "Keeps a bicycle workshop in a courtyard with eleven kinds of beans.",
    hasImage: false,
    themes: ["Bicycles", "Vegetables", "Working together"],
    eagerness: 0.6,
    follows: 5,
  },
  {
    username: "Ελένη Μάρκου",
    email: `eleni@${DOMAIN}`,
    bio: null,
    hasImage: false,
    themes: ["Weeknight cooking", "Preserving", "On foot"],
    eagerness: 0.4,
    follows: 3,
  },
  {
    username: "The Lower Valley Gardening Society & Friends",
    email: `society@${DOMAIN}`,
    bio: "Forty members, nine wheelbarrows, one opinion about slugs. We write in turns and answer when it rains. Meetings on the first Thursday, in the hall behind the church, and everybody is welcome who brings a chair.",
    hasImage: true,
    themes: ["Vegetables", "The wild corner", "Preserving"],
    eagerness: 0.2,
    follows: 0,
  },
  {
    username: "oskar",
    email: `oskar@${DOMAIN}`,
    bio: null,
    hasImage: false,
    themes: [],
    eagerness: 0.9,
    follows: 8,
  },
];

const SIZE = 96;

/** A picture of circles on a ground, as a `data:` URL of some 600 characters: it needs no server. */
export function drawAvatar(random: Random): string {
  const hue = random.below(360);
  const circles = Array.from({ length: 4 }, (_, index) => {
    const [x, y] = [random.below(SIZE), random.below(SIZE)];
    const color = `hsl(${(hue + 40 + random.below(120)) % 360} ${50 + random.below(30)}% ${35 + random.below(35)}%)`;
    return `<circle cx="${x}" cy="${y}" r="${34 - 6 * index}" fill="${color}"/>`;
  });
  const ground = `<rect width="${SIZE}" height="${SIZE}" fill="hsl(${hue} 45% 82%)"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}">${ground}${circles.join("")}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
