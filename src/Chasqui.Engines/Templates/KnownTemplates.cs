namespace Chasqui.Engines.Templates;

/// <summary>A family of prompt templates.</summary>
/// <param name="Family">The family's name, e.g. <c>chatml</c>.</param>
/// <param name="Template">The template in the language of <see cref="GoTemplate"/>.</param>
/// <param name="Stop">Texts that end an answer.</param>
public sealed record KnownTemplate(string Family, string Template, IReadOnlyList<string> Stop);

/// <summary>
/// Tells from the Jinja template of a GGUF file (<c>tokenizer.chat_template</c>) which family it belongs to. The marks are the
/// control texts that the family's models were trained on, so a template of any wording is recognised.
/// </summary>
public static class KnownTemplates
{
    // A system text is put before the first user's turn where the family knows no system turn.
    private const string SystemFirst = """
        {{- $system := .System }}
        {{- range .Messages }}
        """;

    private static readonly KnownTemplate _chatMl = new("chatml",
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n",
        ["<|im_start|>", "<|im_end|>"]);

    /// <summary>ChatML, which most models understand that were trained on another.</summary>
    public static KnownTemplate ChatMl => _chatMl;

    private static readonly KnownTemplate _llama4 = new("llama4",
        "{{- range .Messages }}<|header_start|>{{ .Role }}<|header_end|>\n\n{{ .Content }}<|eot|>{{ end }}"
            + "<|header_start|>assistant<|header_end|>\n\n",
        ["<|header_start|>", "<|header_end|>", "<|eot|>"]);

    private static readonly KnownTemplate _llama3 = new("llama3",
        "{{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>{{ end }}"
            + "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]);

    private static readonly KnownTemplate _llama2 = new("llama2", SystemFirst
            + "{{- if eq .Role \"user\" }}[INST] {{ if $system }}<<SYS>>\n{{ $system }}\n<</SYS>>\n\n{{ $system = \"\" }}{{ end }}"
            + "{{ .Content }} [/INST]{{ else if eq .Role \"assistant\" }} {{ .Content }} </s><s>{{ end }}{{ end }}",
        ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"]);

    private static readonly KnownTemplate _mistralTekken = new("mistral",
        "{{- range .Messages }}{{ if eq .Role \"system\" }}[SYSTEM_PROMPT]{{ .Content }}[/SYSTEM_PROMPT]"
            + "{{ else if eq .Role \"user\" }}[INST]{{ .Content }}[/INST]"
            + "{{ else if eq .Role \"assistant\" }}{{ .Content }}</s>{{ end }}{{ end }}",
        ["[INST]", "[/INST]"]);

    private static readonly KnownTemplate _mistral = new("mistral", SystemFirst
            + "{{- if eq .Role \"user\" }}[INST] {{ if $system }}{{ $system }}\n\n{{ $system = \"\" }}{{ end }}{{ .Content }} [/INST]"
            + "{{ else if eq .Role \"assistant\" }} {{ .Content }}</s>{{ end }}{{ end }}",
        ["[INST]", "[/INST]"]);

    private static readonly KnownTemplate _gemma = new("gemma", SystemFirst
            + "{{- if eq .Role \"user\" }}<start_of_turn>user\n{{ if $system }}{{ $system }}\n\n{{ $system = \"\" }}{{ end }}"
            + "{{ .Content }}<end_of_turn>\n{{ else if eq .Role \"assistant\" }}<start_of_turn>model\n{{ .Content }}<end_of_turn>\n"
            + "{{ end }}{{ end }}<start_of_turn>model\n",
        ["<start_of_turn>", "<end_of_turn>"]);

    private static readonly KnownTemplate _phi3 = new("phi3",
        "{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|end|>\n{{ end }}<|assistant|>\n",
        ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]);

    private static readonly KnownTemplate _phi4 = new("phi4",
        "{{- range .Messages }}<|im_start|>{{ .Role }}<|im_sep|>{{ .Content }}<|im_end|>{{ end }}<|im_start|>assistant<|im_sep|>",
        ["<|im_start|>", "<|im_end|>", "<|im_sep|>"]);

    private static readonly KnownTemplate _zephyr = new("zephyr",
        "{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}</s>\n{{ end }}<|assistant|>\n",
        ["<|system|>", "<|user|>", "<|assistant|>", "</s>"]);

    private static readonly KnownTemplate _deepSeek = new("deepseek",
        "{{- if .System }}{{ .System }}{{ end }}{{ range .Messages }}{{ if eq .Role \"user\" }}<｜User｜>{{ .Content }}"
            + "{{ else if eq .Role \"assistant\" }}<｜Assistant｜>{{ .Content }}<｜end▁of▁sentence｜>{{ end }}{{ end }}<｜Assistant｜>",
        ["<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"]);

    private static readonly KnownTemplate _deepSeekCoder = new("deepseek-coder",
        "{{- if .System }}{{ .System }}{{ end }}{{ range .Messages }}{{ if eq .Role \"user\" }}### Instruction:\n{{ .Content }}\n"
            + "{{ else if eq .Role \"assistant\" }}### Response:\n{{ .Content }}\n<|EOT|>\n{{ end }}{{ end }}### Response:\n",
        ["### Instruction:", "<|EOT|>"]);

    private static readonly KnownTemplate _commandR = new("command-r",
        "{{- range .Messages }}<|START_OF_TURN_TOKEN|>{{ if eq .Role \"system\" }}<|SYSTEM_TOKEN|>"
            + "{{ else if eq .Role \"assistant\" }}<|CHATBOT_TOKEN|>{{ else }}<|USER_TOKEN|>{{ end }}{{ .Content }}<|END_OF_TURN_TOKEN|>"
            + "{{ end }}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        ["<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"]);

    private static readonly KnownTemplate _granite = new("granite",
        "{{- range .Messages }}<|start_of_role|>{{ .Role }}<|end_of_role|>{{ .Content }}<|end_of_text|>\n{{ end }}"
            + "<|start_of_role|>assistant<|end_of_role|>",
        ["<|start_of_role|>", "<|end_of_text|>"]);

    private static readonly KnownTemplate _vicuna = new("vicuna", SystemFirst
            + "{{- if eq .Role \"user\" }}{{ if $system }}{{ $system }}\n\n{{ $system = \"\" }}{{ end }}USER: {{ .Content }}\n"
            + "{{ else if eq .Role \"assistant\" }}ASSISTANT: {{ .Content }}</s>\n{{ end }}{{ end }}ASSISTANT:",
        ["USER:", "ASSISTANT:"]);

    private static readonly KnownTemplate _openChat = new("openchat",
        "{{- range .Messages }}GPT4 Correct {{ if eq .Role \"assistant\" }}Assistant{{ else if eq .Role \"system\" }}System"
            + "{{ else }}User{{ end }}: {{ .Content }}<|end_of_turn|>{{ end }}GPT4 Correct Assistant:",
        ["<|end_of_turn|>"]);

    private static readonly KnownTemplate _solar = new("solar",
        "{{- range .Messages }}### {{ if eq .Role \"assistant\" }}Assistant{{ else if eq .Role \"system\" }}System"
            + "{{ else }}User{{ end }}:\n{{ .Content }}\n\n{{ end }}### Assistant:\n",
        ["### System:", "### User:", "### Assistant:"]);

    // The first row whose marks are all there counts: a family that shares another's marks stands before it.
    private static readonly (string[] Marks, KnownTemplate Template)[] _rows =
    [
        (["<|im_start|>", "<|im_sep|>"], _phi4),
        (["<|im_start|>"], _chatMl),
        (["<|header_start|>", "<|header_end|>"], _llama4),
        (["<|start_header_id|>", "<|end_header_id|>"], _llama3),
        (["<start_of_turn>"], _gemma),
        (["<|START_OF_TURN_TOKEN|>"], _commandR),
        (["<|start_of_role|>"], _granite),
        (["<｜User｜>"], _deepSeek),
        (["GPT4 Correct"], _openChat),
        (["### User:", "### Assistant:"], _solar),
        (["### Instruction:", "<|EOT|>"], _deepSeekCoder),
        (["[SYSTEM_PROMPT]", "[INST]"], _mistralTekken),
        (["<<SYS>>", "[INST]"], _llama2),
        (["[INST]"], _mistral),
        (["<|end|>", "<|assistant|>"], _phi3),
        (["'<|' + message", "<|end|>"], _phi3),
        (["<|user|>", "<|assistant|>", "eos_token"], _zephyr),
        (["<|user|>", "<|assistant|>", "</s>"], _zephyr),
        (["USER:", "ASSISTANT:"], _vicuna),
    ];

    /// <summary>The family of a Jinja template, or null where none is recognised.</summary>
    public static KnownTemplate? Recognize(string jinja)
    {
        ArgumentNullException.ThrowIfNull(jinja);
        foreach (var (marks, template) in _rows)
        {
            if (marks.All(mark => jinja.Contains(mark, StringComparison.Ordinal)))
                return template;
        }

        return null;
    }
}
