using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>What a part of a streamed answer says of its course.</summary>
[Flags]
public enum StreamSign
{
    /// <summary>Nothing: a comment, a ping.</summary>
    None = 0,

    /// <summary>A part of the answer.</summary>
    Part = 1,

    /// <summary>Why the answer, or one of its choices, is over. What may follow are counts and the end of the stream.</summary>
    Finish = 2,

    /// <summary>The end of the stream.</summary>
    End = 4,

    /// <summary>The node gave the answer up.</summary>
    Error = 8,

    /// <summary>It counts tokens.</summary>
    Usage = 16,
}

/// <summary>Reads of a streamed answer that passes by what it says of its course, and no more. Its cost is a few searches for each part.</summary>
public static class StreamSigns
{
    /// <summary>How long the counts of tokens and the end of a stream may take once the node has said why its answer is over: two seconds. The answer is whole by then.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(2);

    /// <summary>Reads a line of one of Ollama's streams.</summary>
    public static StreamSign OfLine(ReadOnlySpan<byte> line)
    {
        if (line.Trim(" \r\n\t"u8).IsEmpty)
            return StreamSign.None;
        if (line.IndexOf("\"error\""u8) >= 0 && IsError(line))
            return StreamSign.Error;
        var sign = StreamSign.Part;
        if (line.IndexOf("\"done\""u8) >= 0 && Member(line, "done"u8, JsonTokenType.True))
            sign |= StreamSign.Finish | StreamSign.End | StreamSign.Usage;
        return sign;
    }

    /// <summary>Reads an event of a stream of OpenAI's chats, completions or responses, or of Anthropic's messages.</summary>
    public static StreamSign OfEvent(in SseEvent read)
    {
        if (!read.HasData)
            return StreamSign.None;
        var data = read.Data;
        if (read.IsError || IsErrorData(data))
            return StreamSign.Error;
        if (data.Trim(" \t"u8).SequenceEqual("[DONE]"u8))
            return StreamSign.End;
        if (data.IndexOf("\"ping\""u8) >= 0 && TypeIs(data, "ping"u8))
            return StreamSign.None;
        var sign = StreamSign.Part;
        if (HasReason(data, "\"finish_reason\""u8) || HasReason(data, "\"stop_reason\""u8))
            sign |= StreamSign.Finish;
        else if (data.IndexOf("message_stop"u8) >= 0 && TypeIs(data, "message_stop"u8))
            sign |= StreamSign.Finish | StreamSign.End;
        else if (data.IndexOf("response."u8) >= 0)
            sign |= OfResponse(data);
        if (data.IndexOf("\"usage\""u8) >= 0 || data.IndexOf("\"timings\""u8) >= 0)
            sign |= StreamSign.Usage;
        return sign;
    }

    /// <summary>Whether the data of an event is an error.</summary>
    internal static bool IsErrorData(ReadOnlySpan<byte> data) => data.IndexOf("\"error\""u8) >= 0 && IsError(data);

    /// <summary>Whether the text is one whole object of JSON, or the word for the end of a stream.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> text)
    {
        if (text.Trim(" \t\r\n"u8).SequenceEqual("[DONE]"u8))
            return true;
        var reader = new Utf8JsonReader(text);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;
            reader.Skip();
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static StreamSign OfResponse(ReadOnlySpan<byte> data) =>
        (data.IndexOf("response.completed"u8) >= 0 && TypeIs(data, "response.completed"u8)) || (data.IndexOf("response.incomplete"u8) >= 0 && TypeIs(data, "response.incomplete"u8))
        ? StreamSign.Finish | StreamSign.End
        : data.IndexOf("response.failed"u8) >= 0 && TypeIs(data, "response.failed"u8) ? StreamSign.Error : StreamSign.None;

    /// <summary>Whether a member has a text that is not empty. Within a text its quotes would be escaped.</summary>
    private static bool HasReason(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        for (var value = After(json, name); !value.IsEmpty; value = After(value, name))
        {
            if (value.Length > 1 && value[0] == (byte)'"' && value[1] != (byte)'"')
                return true;
        }
        return false;
    }

    /// <summary>From the next value of a member of that name on; empty where there is none.</summary>
    private static ReadOnlySpan<byte> After(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        while (json.IndexOf(name) is >= 0 and var at)
        {
            json = json[(at + name.Length)..].TrimStart(" \t\r\n"u8);
            if (json.Length > 0 && json[0] == (byte)':')
                return json[1..].TrimStart(" \t\r\n"u8);
        }
        return default;
    }

    private static bool IsError(ReadOnlySpan<byte> json) => TypeIs(json, "error"u8) || Member(json, "object"u8, JsonTokenType.String, "error"u8)
        || Member(json, "error"u8, JsonTokenType.String) || Member(json, "error"u8, JsonTokenType.StartObject);

    private static bool TypeIs(ReadOnlySpan<byte> json, ReadOnlySpan<byte> type) => Member(json, "type"u8, JsonTokenType.String, type);

    /// <summary>Whether the object itself has a member of that kind, and of that text where one is given.</summary>
    private static bool Member(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name, JsonTokenType kind, ReadOnlySpan<byte> text = default)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = reader.ValueTextEquals(name);
                if (!reader.Read())
                    return false;
                if (isIt && reader.TokenType == kind && (text.IsEmpty || reader.ValueTextEquals(text)))
                    return true;
                reader.Skip();
            }
        }
        catch (JsonException)
        {
            // What cannot be read says nothing; it is the client's to complain.
        }
        return false;
    }
}
