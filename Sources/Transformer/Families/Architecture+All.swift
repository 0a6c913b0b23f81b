extension Architecture {
    /// Every family. Where one has several values, the first whose conditions hold counts.
    package static let all: [Architecture] = [
        llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3, gemma3Text, gemma4, gemma4Moe,
        gemma4Text, gemma4TextMoe, smolLM3, phi3, opt,
        gptNeoX, gpt2, phi, granite, olmo, olmo2, olmo3, starcoder2, stableLM, cohere, cohere2,
        ministral3, mistral3, mistral3WithMinistral, glm4, exaone4, seedOSS, ernie45, hunYuan,
        nemotron, arcee, apertus, qwen3VL, gptNeo, gptJ, gptBigCode, gptBigCodeOfHeads, falcon,
        falconOfHeads, falconOfGroups, bloom, internLM3, qwen3Moe, mixtral, qwen2Moe,
        gptOss, olmoe, graniteMoe, graniteMoeShared, phiMoe, glm4Moe, ernie45Moe,
        qwen35, qwen35Text, qwen35Moe, qwen35MoeText, qwen3Next, lfm2, lfm2Moe,
        lfm2MoeWithoutCorrection,
        qwen3VLMoe,
        deepseekV2, deepseekV3, glm4MoeLite,
    ]
}
