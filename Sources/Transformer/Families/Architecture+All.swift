extension Architecture {
    /// Every family. Where one has several values, the first whose conditions hold counts.
    package static let all: [Architecture] = [
        llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3, gemma3Text, smolLM3, phi3, opt,
        gptNeoX, gpt2, phi, granite, olmo, olmo2, olmo3, starcoder2, stableLM, cohere, cohere2,
        ministral3, mistral3, mistral3WithMinistral, glm4, exaone4, seedOSS, ernie45, hunYuan,
        nemotron, arcee, apertus, qwen3VL, gptNeo, gptJ, gptBigCode, gptBigCodeOfHeads, falcon,
        falconOfHeads, falconOfGroups, bloom, internLM3,
    ]
}
