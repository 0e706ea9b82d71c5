import { WHEPClient } from "whip-whep/whep.js";
import { WHIPClient } from "whip-whep/whip.js";
import { Both } from "./whip_whep.js";

export const { publish, play } = new Both(WHIPClient, WHEPClient);
