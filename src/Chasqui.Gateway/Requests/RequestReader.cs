using System.Globalization;
using System.Text.Json;

namespace Chasqui.Gateway.Requests;

/// <summary>Walks over the members of a request.</summary>
internal ref struct RequestReader(RequestScan scan)
{
    /// <summary>As the APIs' own reader has it.</summary>
    private const int MaxDepth = 64;

    // Behind the first value anything may come: Go's decoder does not look there.
    private static readonly JsonReaderOptions _options = new() { MaxDepth = MaxDepth, AllowMultipleValues = true };

    private readonly RequestScan _scan = scan;
    private readonly int _offset = scan.Body.Span is [0xEF, 0xBB, 0xBF, ..] ? 3 : 0;
    private ConversationReader _conversation = new(scan);

    public bool Read(out JsonFault fault)
    {
        var json = _scan.Body.Span[_offset..];
        var reader = new Utf8JsonReader(json, _options);
        try
        {
            if (!reader.Read())
            {
                fault = new JsonFault(1, 1, "the body is empty");
                return false;
            }
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                fault = new JsonFault(1, 1, "a request is a JSON object");
                return false;
            }
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                ReadMember(ref reader);
            _conversation.End(json, _options);
            fault = default;
            return true;
        }
        catch (JsonException e)
        {
            fault = new JsonFault((e.LineNumber ?? 0) + 1, (e.BytePositionInLine ?? 0) + 1, JsonProblem.Reason(e));
            return false;
        }
    }

    private void ReadMember(ref Utf8JsonReader reader)
    {
        Span<byte> folded = stackalloc byte[FieldName.Longest];
        var name = folded[..FieldName.Fold(reader.ValueSpan, reader.ValueIsEscaped, folded)];
        var start = (int)reader.TokenStartIndex;
        reader.Read();
        switch (name.Length)
        {
            case 5 when name.SequenceEqual("model"u8):
                ReadModel(ref reader, start);
                return;
            case 6 when name.SequenceEqual("stream"u8):
                _scan.Stream = reader.TokenType switch { JsonTokenType.True => true, JsonTokenType.False => false, _ => null };
                break;
            case 5 when name.SequenceEqual("tools"u8):
                _conversation.ReadTools(ref reader, _scan.Body.Span[_offset..]);
                return;
            case 7 when name.SequenceEqual("session"u8):
                var from = (int)reader.TokenStartIndex;
                reader.Skip();
                _scan.Session = _scan.Body.Slice(_offset + from, (int)reader.BytesConsumed - from);
                return;
            case 8 when name.SequenceEqual("messages"u8):
                _conversation.Read(ref reader, ConversationPart.Messages);
                return;
            case 6 when name.SequenceEqual("prompt"u8):
                if (reader.TokenType == JsonTokenType.StartArray)
                {
                    _scan.Choices = null;
                    _scan.Prompts = PromptsIn(reader);
                }
                _conversation.Read(ref reader, ConversationPart.Prompt);
                return;
            case 5 when name.SequenceEqual("input"u8):
                _conversation.Read(ref reader, ConversationPart.Input);
                return;
            default:
                ReadOwnMember(ref reader, name, start);
                return;
        }
        reader.Skip();
    }

    /// <summary>Members that only some APIs have.</summary>
    private void ReadOwnMember(ref Utf8JsonReader reader, scoped ReadOnlySpan<byte> name, int start)
    {
        switch (_scan.Dialect)
        {
            case Dialects.Ollama when name.SequenceEqual("options"u8):
                ReadOptions(ref reader);
                return;
            case Dialects.Ollama when name.SequenceEqual("keep_alive"u8):
                Remember(ref reader, Rewritable.KeepAlive, start);
                return;
            case Dialects.Ollama when name.SequenceEqual("images"u8):
                _conversation.Read(ref reader, ConversationPart.Images);
                return;
            case Dialects.Ollama when name.SequenceEqual("template"u8):
                _scan.HasTemplate |= reader.TokenType is not (JsonTokenType.Null or JsonTokenType.String) || !reader.ValueSpan.IsEmpty;
                break;
            case Dialects.Ollama or Dialects.Anthropic or Dialects.AnthropicCountTokens when name.SequenceEqual("system"u8):
            case Dialects.OpenAiResponses when name.SequenceEqual("instructions"u8):
                _conversation.Read(ref reader, ConversationPart.System);
                return;
            case Dialects.OpenAi or Dialects.OpenAiResponses or Dialects.Anthropic when name.SequenceEqual("tool_choice"u8):
                _scan.ChoosesTools |= Chooses(ref reader, out var forces);
                _scan.ForcesCall |= forces;
                return;
            case Dialects.OpenAi or Dialects.OpenAiResponses when name.SequenceEqual("parallel_tool_calls"u8):
                _scan.ChoosesTools |= reader.TokenType == JsonTokenType.False;
                break;
            case Dialects.Anthropic or Dialects.AnthropicCountTokens when name.SequenceEqual("thread"u8):
                _scan.AsksAnthropic |= reader.TokenType != JsonTokenType.Null;
                break;
            case Dialects.OpenAi or Dialects.OpenAiResponses or Dialects.Anthropic when name.SequenceEqual("temperature"u8):
                _scan.IsCold = IsZero(ref reader) ?? _scan.IsCold;
                break;
            case Dialects.OpenAi when name.SequenceEqual("_debug_render_only"u8):
                _scan.OnlyRenders = reader.TokenType == JsonTokenType.True;
                break;
            case Dialects.OpenAi when name.SequenceEqual("seed"u8):
                _scan.IsSeeded = IsSeed(ref reader) ?? _scan.IsSeeded;
                break;
            case Dialects.OpenAi when name.SequenceEqual("stream_options"u8):
                _scan.Usage = StreamUsage.Read(_scan.Usage, reader);
                Remember(ref reader, Rewritable.StreamOptions, start);
                return;
            case Dialects.OpenAi when name.SequenceEqual("n"u8):
                _scan.N = Math.Max(1, Whole(ref reader) ?? 1);
                if (_scan.Choices is not null)
                    _scan.Choices = _scan.N;
                break;
            case Dialects.OpenAi when name.SequenceEqual("best_of"u8):
                _scan.BestOf = Math.Max(1, Whole(ref reader) ?? 1);
                break;
            case Dialects.OpenAi or Dialects.Anthropic when name.SequenceEqual("max_tokens"u8):
            case Dialects.OpenAi when name.SequenceEqual("max_completion_tokens"u8):
            case Dialects.OpenAiResponses when name.SequenceEqual("max_output_tokens"u8):
                _scan.MaxTokens = Whole(ref reader) ?? _scan.MaxTokens;
                break;
            case not Dialects.Ollama:
                _scan.Guarded |= GuardedMember.Read(name, ref reader);
                return;
        }
        reader.Skip();
    }

    /// <summary>
    /// How many prompts a list has: each text or list in it is one, and a list of numbers is the tokens of one alone. The reader stays
    /// where it is.
    /// </summary>
    private static int PromptsIn(Utf8JsonReader reader)
    {
        var prompts = 0;
        while (reader.Read() && reader.TokenType is JsonTokenType.String or JsonTokenType.StartArray)
        {
            reader.Skip();
            prompts++;
        }
        return Math.Max(1, prompts);
    }

    /// <summary>Whether a choice of tools is another than to leave it to the model. Stands at its end afterwards.</summary>
    /// <param name="reader">At the value.</param>
    /// <param name="forces">Whether it demands a call.</param>
    private static bool Chooses(ref Utf8JsonReader reader, out bool forces)
    {
        forces = reader.TokenType == JsonTokenType.String && (reader.ValueTextEquals("required"u8) || reader.ValueTextEquals("any"u8));
        if (reader.TokenType != JsonTokenType.StartObject)
            return reader.TokenType == JsonTokenType.String && !reader.ValueTextEquals("auto"u8);
        var chooses = false;
        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
                continue;
            // The mode of allowed tools stands beside their type in a response, and one level deeper in a chat.
            var (isOwn, isMode) = (reader.CurrentDepth == depth + 1, reader.ValueTextEquals("mode"u8));
            var isType = isOwn && reader.ValueTextEquals("type"u8);
            reader.Read();
            var isText = reader.TokenType == JsonTokenType.String;
            forces |= (isMode && isText && reader.ValueTextEquals("required"u8))
                || (isType && isText && !reader.ValueTextEquals("auto"u8) && !reader.ValueTextEquals("none"u8) && !reader.ValueTextEquals("allowed_tools"u8));
            chooses |= isType ? !(isText && reader.ValueTextEquals("auto"u8)) : isOwn && reader.TokenType == JsonTokenType.True;
        }
        return chooses;
    }

    private void ReadModel(ref Utf8JsonReader reader, int start)
    {
        if (reader.TokenType == JsonTokenType.String)
            _scan.Model = NameOf(reader.ValueSpan, reader.ValueIsEscaped);
        Remember(ref reader, Rewritable.Model, start);
    }

    /// <summary>The options are a map in Go: their names are matched exactly, and a second <c>options</c> adds to the first.</summary>
    private readonly void ReadOptions(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var context = reader.ValueTextEquals("num_ctx"u8);
            var batch = !context && reader.ValueTextEquals("num_batch"u8);
            var predict = !context && !batch && reader.ValueTextEquals("num_predict"u8);
            var temperature = !context && !batch && !predict && reader.ValueTextEquals("temperature"u8);
            var seed = !context && !batch && !predict && !temperature && reader.ValueTextEquals("seed"u8);
            reader.Read();
            if (temperature)
                _scan.IsCold = IsZero(ref reader) ?? _scan.IsCold;
            if (seed)
                _scan.IsSeeded = IsSeed(ref reader) ?? _scan.IsSeeded;
            if (context)
                _scan.NumCtx = Whole(ref reader) ?? _scan.NumCtx;
            if (predict)
                _scan.MaxTokens = Whole(ref reader) ?? _scan.MaxTokens;
            if (context || batch)
                Remember(ref reader, context ? Rewritable.NumCtx : Rewritable.NumBatch, start);
            else
                reader.Skip();
        }
    }

    private readonly void Remember(ref Utf8JsonReader reader, Rewritable member, int start)
    {
        var valueStart = (int)reader.TokenStartIndex;
        reader.Skip();
        _scan.Places.Add(new Place(member, start + _offset, valueStart + _offset, (int)reader.BytesConsumed + _offset));
    }

    private static string NameOf(ReadOnlySpan<byte> text, bool escaped)
    {
        if (!escaped)
            return NameCache.Get(text);
        var plain = new byte[text.Length];
        return NameCache.Get(plain.AsSpan(0, JsonEscapes.Decode(text, plain)));
    }

    private static bool? IsZero(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number) ? number == 0 : null;

    /// <summary>A negative one is the wish for a fresh one.</summary>
    private static bool? IsSeed(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var number) ? number >= 0 : null;

    /// <summary>A fraction is cut off, and what is too great or too small becomes the greatest or the least.</summary>
    private static int? Whole(ref Utf8JsonReader reader) =>
        reader.TokenType != JsonTokenType.Number ? null
        : reader.TryGetInt32(out var whole) ? whole
        : double.TryParse(reader.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? (int)Math.Clamp(number, int.MinValue, int.MaxValue)
        : null;
}
