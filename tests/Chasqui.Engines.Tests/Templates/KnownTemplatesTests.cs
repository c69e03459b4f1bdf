using Chasqui.Engines.Templates;

namespace Chasqui.Engines.Tests.Templates;

public sealed class KnownTemplatesTests
{
    private static readonly TemplateInput _input = new()
    {
        System = "S",
        Messages = [new() { Role = "user", Content = "A" }, new() { Role = "assistant", Content = "B" }],
        Prompt = "C",
    };

    [Theory]
    [InlineData("{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' }}{% endfor %}", "chatml",
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData("{{ '<|start_header_id|>' + role + '<|end_header_id|>\n\n' }}", "llama3",
        "<|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nA<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\nB<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nC<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("{{ bos_token + '[INST] ' + '<<SYS>>' }}", "llama2",
        "[INST] <<SYS>>\nS\n<</SYS>>\n\nA [/INST] B </s><s>[INST] C [/INST]")]
    [InlineData("{{ '[INST] ' + message['content'] + ' [/INST]' }}", "mistral", "[INST] S\n\nA [/INST] B</s>[INST] C [/INST]")]
    [InlineData("{{ '[SYSTEM_PROMPT]' }}{{ '[INST]' }}", "mistral", "[SYSTEM_PROMPT]S[/SYSTEM_PROMPT][INST]A[/INST]B</s>[INST]C[/INST]")]
    [InlineData("{{ '<start_of_turn>' + role }}", "gemma",
        "<start_of_turn>user\nS\n\nA<end_of_turn>\n<start_of_turn>model\nB<end_of_turn>\n<start_of_turn>user\nC<end_of_turn>\n<start_of_turn>model\n")]
    [InlineData("{{ '<|' + message['role'] + '|>\n' + '<|end|>' }}", "phi3",
        "<|system|>\nS<|end|>\n<|user|>\nA<|end|>\n<|assistant|>\nB<|end|>\n<|user|>\nC<|end|>\n<|assistant|>\n")]
    [InlineData("{{ '<|im_start|>user<|im_sep|>' }}", "phi4",
        "<|im_start|>system<|im_sep|>S<|im_end|><|im_start|>user<|im_sep|>A<|im_end|><|im_start|>assistant<|im_sep|>B<|im_end|><|im_start|>user<|im_sep|>C<|im_end|><|im_start|>assistant<|im_sep|>")]
    [InlineData("{{ '<|user|>\n' + eos_token }}{{ '<|assistant|>' }}", "zephyr",
        "<|system|>\nS</s>\n<|user|>\nA</s>\n<|assistant|>\nB</s>\n<|user|>\nC</s>\n<|assistant|>\n")]
    [InlineData("{{ '<｜User｜>' }}{{ '<｜Assistant｜>' }}", "deepseek",
        "S<｜User｜>A<｜Assistant｜>B<｜end▁of▁sentence｜><｜User｜>C<｜Assistant｜>")]
    [InlineData("{{ 'GPT4 Correct User: ' }}", "openchat",
        "GPT4 Correct System: S<|end_of_turn|>GPT4 Correct User: A<|end_of_turn|>GPT4 Correct Assistant: B<|end_of_turn|>GPT4 Correct User: C<|end_of_turn|>GPT4 Correct Assistant:")]
    [InlineData("{{ 'USER: ' }}{{ 'ASSISTANT: ' }}", "vicuna", "S\n\nUSER: A\nASSISTANT: B</s>\nUSER: C\nASSISTANT:")]
    public void A_family_is_recognised_and_its_template_prompts_as_the_family_was_trained(string jinja, string family, string expected)
    {
        var known = KnownTemplates.Recognize(jinja);
        Assert.NotNull(known);
        Assert.Equal(family, known.Family);
        Assert.NotEmpty(known.Stop);
        Assert.Equal(expected, GoTemplate.Parse(known.Template).Render(_input));
    }

    [Fact]
    public void A_template_of_no_known_family_is_not_guessed_at() => Assert.Null(KnownTemplates.Recognize("{{ messages[0]['content'] }}"));
}
