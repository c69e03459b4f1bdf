namespace Chasqui.Server;

/// <summary>One item of a response's <c>output</c>.</summary>
internal abstract record ResponseItem(string Id)
{
    /// <summary>The item as it is when it is complete.</summary>
    public abstract void Write(ref JsonText json);

    /// <summary>Begins the item's object.</summary>
    protected void Begin(ref JsonText json, ReadOnlySpan<char> type, string? status)
    {
        json.BeginObject();
        json.Name("id"u8);
        json.Value(Id);
        json.Name("type"u8);
        json.Value(type);
        if (status is null)
            return;
        json.Name("status"u8);
        json.Value(status);
    }

    /// <summary>The name of a tool, and of its namespace where it has one.</summary>
    protected static void Name(ref JsonText json, string space, string name)
    {
        json.Name("name"u8);
        json.Value(name);
        if (space.Length == 0)
            return;
        json.Name("namespace"u8);
        json.Value(space);
    }
}

/// <summary>What the model thought. Nothing is encrypted: it is sent in both places, as Ollama does, so that a client can send it back.</summary>
internal sealed record ReasoningItem(string Id, string Text) : ResponseItem(Id)
{
    /// <summary>The item when it begins.</summary>
    public void WriteBegun(ref JsonText json)
    {
        Begin(ref json, "reasoning", null);
        json.Name("summary"u8);
        json.BeginArray();
        json.EndArray();
        json.EndObject();
    }

    public override void Write(ref JsonText json)
    {
        Begin(ref json, "reasoning", null);
        json.Name("summary"u8);
        json.BeginArray();
        WritePart(ref json, Text);
        json.EndArray();
        json.Name("encrypted_content"u8);
        json.Value(Text);
        json.EndObject();
    }

    /// <summary>The one part of its summary.</summary>
    public static void WritePart(ref JsonText json, string text)
    {
        json.BeginObject();
        json.Name("type"u8);
        json.Value("summary_text");
        json.Name("text"u8);
        json.Value(text);
        json.EndObject();
    }
}

/// <summary>What the model said.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">The text.</param>
/// <param name="Logprobs">The probabilities of its tokens, where they were asked for.</param>
internal sealed record MessageItem(string Id, string Text, IReadOnlyList<TokenLogprob> Logprobs) : ResponseItem(Id)
{
    /// <summary>The item when it begins.</summary>
    public void WriteBegun(ref JsonText json)
    {
        Begin(ref json, "message", "in_progress");
        Role(ref json);
        json.BeginArray();
        json.EndArray();
        json.EndObject();
    }

    public override void Write(ref JsonText json)
    {
        Begin(ref json, "message", "completed");
        Role(ref json);
        json.BeginArray();
        WritePart(ref json, Text, Logprobs);
        json.EndArray();
        json.EndObject();
    }

    /// <summary>The one part of its content.</summary>
    public static void WritePart(ref JsonText json, string text, IReadOnlyList<TokenLogprob> logprobs)
    {
        json.BeginObject();
        json.Name("type"u8);
        json.Value("output_text");
        json.Name("text"u8);
        json.Value(text);
        json.Name("annotations"u8);
        json.BeginArray();
        json.EndArray();
        WriteLogprobs(ref json, logprobs);
        json.EndObject();
    }

    /// <summary>The probabilities of some tokens, an array that is always there.</summary>
    public static void WriteLogprobs(ref JsonText json, IReadOnlyList<TokenLogprob> logprobs)
    {
        if (logprobs.Count > 0)
        {
            MetricsJson.Logprobs(ref json, "logprobs"u8, logprobs);
            return;
        }
        json.Name("logprobs"u8);
        json.BeginArray();
        json.EndArray();
    }

    private static void Role(ref JsonText json)
    {
        json.Name("role"u8);
        json.Value("assistant");
        json.Name("content"u8);
    }
}

/// <summary>A function that the model calls.</summary>
internal sealed record FunctionCallItem(string Id, FunctionCall Call, string Space) : ResponseItem(Id)
{
    public override void Write(ref JsonText json) => Write(ref json, "completed", Call.Arguments);

    /// <summary>The item with a part of its arguments.</summary>
    public void Write(ref JsonText json, string status, string arguments)
    {
        Begin(ref json, "function_call", status);
        json.Name("call_id"u8);
        json.Value(Call.Id);
        Name(ref json, Space, Call.Name);
        json.Name("arguments"u8);
        json.Value(arguments);
        json.EndObject();
    }
}

/// <summary>A tool that takes a text, which the model calls.</summary>
internal sealed record CustomCallItem(string Id, string CallId, string Space, string Tool, string Input) : ResponseItem(Id)
{
    public override void Write(ref JsonText json) => Write(ref json, "completed", Input);

    /// <summary>The item with a part of its text.</summary>
    public void Write(ref JsonText json, string status, string input)
    {
        Begin(ref json, "custom_tool_call", status);
        json.Name("call_id"u8);
        json.Value(CallId);
        Name(ref json, Space, Tool);
        json.Name("input"u8);
        json.Value(input);
        json.EndObject();
    }
}
