import { WHEPClient } from "@binbat/whip-whep/whep.js";
import { WHIPClient } from "@binbat/whip-whep/whip.js";
import { Both } from "./whip_whep.js";

export const { publish, play } = new Both(WHIPClient, WHEPClient);
