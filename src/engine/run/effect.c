#include "engine/run/effect.h"

static const enum aftermath table[][FATE_LOST + 1] = {
	[EFFECT_PURE] = {[FATE_ANSWERED] = AFTER_RETRY,
			 [FATE_NOT_BEGUN] = AFTER_RETRY,
			 [FATE_BAD_OUTPUT] = AFTER_RETRY,
			 [FATE_CUT_OFF] = AFTER_RETRY,
			 [FATE_LOST] = AFTER_AGAIN},
	[EFFECT_IDEMPOTENT] = {[FATE_ANSWERED] = AFTER_RETRY,
			       [FATE_NOT_BEGUN] = AFTER_RETRY,
			       [FATE_BAD_OUTPUT] = AFTER_RETRY,
			       [FATE_CUT_OFF] = AFTER_RETRY,
			       [FATE_LOST] = AFTER_AGAIN},
	[EFFECT_RECONCILABLE] = {[FATE_ANSWERED] = AFTER_RETRY,
				 [FATE_NOT_BEGUN] = AFTER_RETRY,
				 [FATE_BAD_OUTPUT] = AFTER_PROBE,
				 [FATE_CUT_OFF] = AFTER_PROBE,
				 [FATE_LOST] = AFTER_PROBE},
	[EFFECT_IRREVERSIBLE] = {[FATE_ANSWERED] = AFTER_RETRY,
				 [FATE_NOT_BEGUN] = AFTER_RETRY,
				 [FATE_BAD_OUTPUT] = AFTER_ASK,
				 [FATE_CUT_OFF] = AFTER_ASK,
				 [FATE_LOST] = AFTER_ASK},
};

enum aftermath effect_after(enum effect effect, enum attempt_fate fate)
{
	return table[effect][fate];
}

bool effect_uncertain(enum effect effect, enum attempt_fate fate)
{
	enum aftermath after = effect_after(effect, fate);
	return after == AFTER_PROBE || after == AFTER_ASK;
}
