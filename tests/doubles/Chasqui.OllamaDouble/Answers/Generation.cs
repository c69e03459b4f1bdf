using System.Text.Json;

namespace Chasqui.OllamaDouble;

/// <summary>A request for a text, whatever the API it came by.</summary>
internal sealed record Generation
{
    public required StoredModel Model { get; init; }

    /// <summary>The name as it was sent; answers repeat it.</summary>
    public required string ModelText { get; init; }

    public required JsonElement Request { get; init; }

    /// <summary>The prompt, or the conversation in one text.</summary>
    public required string Prompt { get; init; }

    /// <summary>The beginning of the answer, where the last turn is the assistant's: most templates do not end that turn, so that the model goes on with it. Empty for none.</summary>
    public string Begun { get; init; } = "";

    /// <summary>The words of the last user, from which it is decided whether a tool is called.</summary>
    public string LastUser { get; init; } = "";

    public bool Stream { get; init; }

    public RunnerOptions Runner { get; init; } = RunnerOptions.Default;

    public TimeSpan? KeepAlive { get; init; }

    /// <summary>num_predict; zero and below is open-ended.</summary>
    public int Limit { get; init; }

    public IReadOnlyList<string> Stops { get; init; } = [];

    public long Seed { get; init; }

    public bool Think { get; init; }

    public JsonElement? Tools { get; init; }

    /// <summary>Whether a tool is called whatever was said.</summary>
    public bool MustCall { get; init; }

    public JsonElement? Format { get; init; }

    public bool Logprobs { get; init; }

    public int TopLogprobs { get; init; }

    public bool Raw { get; init; }

    /// <summary>There is no prompt: the model is loaded, or unloaded with a keep_alive of 0.</summary>
    public bool LoadOnly { get; init; }

    public bool IncludeUsage { get; init; }

    /// <summary>Names of the prompt's blocks where the request gives them; else they come from the text.</summary>
    public long[]? Blocks { get; init; }
}

/// <summary>A tool call.</summary>
internal sealed record ToolCall(string Id, string Name, string Arguments);

/// <summary>The whole answer, known before its first token is sent.</summary>
internal sealed record Answer(string[] Thinking, string[] Content, ToolCall? Call, string Reason)
{
    public int Tokens => Thinking.Length + Content.Length + (Call is null ? 0 : 1);

    /// <summary>The same request gets the same answer.</summary>
    public static Answer To(Generation request, int promptTokens, int context)
    {
        var model = request.Model.Script;
        // What is gone on with is the same answer.
        var prompt = request.Begun.Length > 0 ? request.Prompt[..(request.Prompt.LastIndexOf("\nassistant\n", StringComparison.Ordinal) + 1)] : request.Prompt;
        var hash = Words.Hash(prompt, request.Seed);
        var limit = request.Limit > 0 ? request.Limit : int.MaxValue;
        // Recorded: without shift an answer ends where the context does.
        if (!request.Runner.Shift)
            limit = Math.Min(limit, Math.Max(1, context - promptTokens));
        var thinking = request.Think ? Words.Make(hash ^ 1, Math.Min(limit, model.ThinkingTokens)) : [];
        limit -= thinking.Length;
        if (limit <= 0)
            return new Answer(thinking, [], null, "length");
        if (request.Tools is { } tools && (Tooling.Choose(tools, request.LastUser) ?? (request.MustCall ? Tooling.First(tools) : null)) is { } call)
            return new Answer(thinking, [], call with { Id = "call_" + hash.ToString("x16", null)[..8] }, "stop");
        var content = request.Format is { } format ? Words.Split(Tooling.Instance(format))
            : model.Answer is { } fixedAnswer ? Words.Split(fixedAnswer)
            : Words.Make(hash, request.Begun.Length > 0 ? model.AnswerTokens : Math.Min(limit, model.AnswerTokens));
        content = Rest(content, request.Begun);
        var reason = content.Length > limit || model.Answer is null && request.Format is null && request.Begun.Length == 0 && model.AnswerTokens > limit ? "length" : "stop";
        if (content.Length > limit)
            content = content[..limit];
        return request.Stops.Count > 0 ? new Answer(thinking, content, null, reason).CutAt(request.Stops) : new Answer(thinking, content, null, reason);
    }

    private static string[] Rest(string[] content, string begun)
    {
        var count = 0;
        for (var length = 0; count < content.Length && length < begun.Length; count++)
            length += content[count].Length;
        return content[count..];
    }

    private Answer CutAt(IReadOnlyList<string> stops)
    {
        var text = string.Concat(Content);
        var at = stops.Where(stop => stop.Length > 0).Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(found => found >= 0).DefaultIfEmpty(-1).Min();
        if (at < 0)
            return this;
        var kept = new List<string>();
        var length = 0;
        foreach (var token in Content)
        {
            if (length >= at)
                break;
            kept.Add(length + token.Length > at ? token[..(at - length)] : token);
            length += token.Length;
        }
        return this with { Content = [.. kept], Reason = "stop" };
    }
}

/// <summary>What an answer cost.</summary>
internal readonly record struct Cost(int PromptTokens, int Tokens, TimeSpan Total, TimeSpan Load, TimeSpan Prompt, TimeSpan Eval)
{
    public static long Nanoseconds(TimeSpan time) => Math.Max(1, time.Ticks * 100);
}
