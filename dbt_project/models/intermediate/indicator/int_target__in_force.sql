{{ target_in_force(ref("indicator_target")) }}
