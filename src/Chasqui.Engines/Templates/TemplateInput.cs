using System.Runtime.InteropServices;
using System.Text.Json;

namespace Chasqui.Engines.Templates;

/// <summary>
/// What a template is rendered over. The turns are <see cref="System"/>, <see cref="Messages"/>, <see cref="Prompt"/> (as a
/// user's turn) and <see cref="Response"/> (as the beginning of the assistant's turn), in this order, each where it is set.
/// With a <see cref="Suffix"/> the template gets prompt and suffix alone.
/// </summary>
public sealed record TemplateInput
{
    /// <summary>The turns, oldest first. Roles are compared in lower case.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];

    /// <summary>A system text before the turns; null or empty for none.</summary>
    public string? System { get; init; }

    /// <summary>A user's turn after <see cref="Messages"/>; null or empty for none.</summary>
    public string? Prompt { get; init; }

    /// <summary>What the assistant has already said of its answer; null or empty for nothing.</summary>
    public string? Response { get; init; }

    /// <summary>Text that comes after the answer (fill in the middle); used only together with <see cref="Prompt"/>.</summary>
    public string? Suffix { get; init; }

    /// <summary>Tool definitions, an array in the form of OpenAI's and Ollama's APIs; null for none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Whether the model shall think first. Default false.</summary>
    public bool Think { get; init; }

    /// <summary>How much it shall think (<c>low</c>, <c>medium</c>, <c>high</c>); empty where only on or off was said.</summary>
    public string ThinkLevel { get; init; } = "";

    /// <summary>Whether <see cref="Think"/> was said at all, which lets a template keep the model's default. Default false.</summary>
    public bool IsThinkSet { get; init; }

    /// <summary>
    /// Of a template that came with a request: characters that it may add to those it is rendered over; its other budgets are small then, too. Null, the default, for a template of a model.
    /// </summary>
    public long? OwnCharacters { get; init; }

    /// <summary>Characters of all this. A turn counts as <see cref="CharactersOfTurn"/> more, for what a template writes around each.</summary>
    internal long Characters => (System?.Length ?? 0) + (Prompt?.Length ?? 0) + (Response?.Length ?? 0) + (Suffix?.Length ?? 0) + LengthOf(Tools)
        + Messages.Sum(message => message.Content.Length + (message.Thinking?.Length ?? 0) + LengthOf(message.ToolCalls) + CharactersOfTurn);

    private const int CharactersOfTurn = 1024;

    private static long LengthOf(JsonElement? json) => json is { ValueKind: not JsonValueKind.Undefined } value ? JsonMarshal.GetRawUtf8Value(value).Length : 0;

    /// <summary>Gives the dates that a template asks for. Default the system's clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
