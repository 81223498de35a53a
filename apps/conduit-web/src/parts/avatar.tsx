import { useState } from "preact/hooks";

const DEFAULT_AVATAR = "/default-avatar.svg";

interface AvatarProps {
  readonly class?: string;
  readonly image: string | null;
  /** In CSS pixels, wide and high. */
  readonly size: number;
  /** There may be any number of them: one that is far from what is seen is not loaded yet. Default false. */
  readonly isLazy?: boolean;
}

/** The picture of a user, beside whose name it stands. What is no picture is covered by the default one, in the styles. */
export function Avatar({ class: name = "", image, size, isLazy = false }: AvatarProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const source = image ?? DEFAULT_AVATAR;
  return (
    <img
      class={broken === source ? `${name} is-broken` : name}
      src={source}
      alt=""
      width={size}
      height={size}
      loading={isLazy ? "lazy" : "eager"}
      decoding="async"
      referrerpolicy="no-referrer"
      onError={() => setBroken(source)}
    />
  );
}
