namespace Chasqui.Server.Tests;

/// <summary>The cases of the OpenAI API in which the answer differs from Ollama's on purpose.</summary>
internal static class OpenAiDifferences
{
    private const string TypeErrors = "A field of the wrong type";
    private const string Cut = "A response that met `max_output_tokens`";

    /// <summary>Rows of the table that other tests hold.</summary>
    public static IReadOnlyList<string> Unrecorded { get; } =
    [
        "A field that would change the answer and is not translated", "An unknown field", "`max_completion_tokens`", "`tool_choice`, `parallel_tool_calls`", "Role `developer`",
        "Parts of a message", "An error in a stream", "`text.format` of type `json_object`",
        "`/v1/models/{id}` with slashes", "A silent stream", "`usage` of a chat or a completion",
    ];

    public static IReadOnlyList<DeliberateDifference> All { get; } =
    [
        new("v1-models-empty", "A list without models", 200, null),
        new("v1-model-get-tag", "The context of a model", 200, null) { Only = ["context_length", "max_model_len"] },
        new("v1-chat-temperature-string", TypeErrors, 400, "\"temperature\" must be a number, not a string"),
        new("v1-completions-array-prompt", TypeErrors, 400, "\"prompt\" must be one text: send a request for each"),
        new("v1-completions-echo-n", "`n`, `best_of`, `echo`", 400, "\"echo\" is not supported except as false"),
        new("v1-completions-logprobs", "`logprobs` of a completion", 200, null),
        new("v1-chat-tools-unsupported", "Tools for a model that knows none", 200, null),
        new("v1-embeddings-empty", "An empty text to embed", 400, "an input is empty; every input must hold at least one character"),
        new("v1-responses", Cut, 200, null) { Only = ["status", "incomplete_details"] },
        new("v1-responses-items", Cut, 200, null) { Only = ["status", "incomplete_details"] },
    ];
}
