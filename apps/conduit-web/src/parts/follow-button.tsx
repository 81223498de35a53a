import { toggleFollow } from "../actions.ts";
import type { Profile } from "../decode.ts";

interface FollowButtonProps {
  readonly profile: Profile;
  readonly class?: string;
  readonly onFollowing: (following: boolean) => void;
}

export function FollowButton({ profile, class: name = "", onFollowing }: FollowButtonProps) {
  const { username, following } = profile;
  return (
    <button
      type="button"
      class={`btn btn-sm ${following ? "btn-secondary" : "btn-outline-secondary"} ${name}`}
      onClick={(click) => toggleFollow(click, profile, onFollowing)}
    >
      <i class={following ? "ion-minus-round" : "ion-plus-round"} aria-hidden="true" />{" "}
      {following ? "Unfollow" : "Follow"} {username}
    </button>
  );
}
