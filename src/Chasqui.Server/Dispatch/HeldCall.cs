using System.Buffers;
using Chasqui.Gateway.Nodes;

namespace Chasqui.Server;

/// <summary>What the beginning of an answer says of the call that it has to be.</summary>
internal enum CallVerdict
{
    /// <summary>More of it is needed.</summary>
    Open,

    /// <summary>It is a call, or has another end than that of an answer that is complete: it goes on as it is.</summary>
    Passes,

    /// <summary>It is complete, and no call.</summary>
    Ignored,
}

/// <summary>
/// Keeps an answer back that must be the call of a tool, until a call is seen, for nodes that may pass over the demand. It looks for the
/// few words that say so, and reads nothing else: within a text
/// of JSON their quotes would be escaped.
/// </summary>
internal static class HeldCall
{
    /// <summary>Bytes that are kept back; an answer that is longer without a call goes on as it is.</summary>
    private const int MaxHeld = 1 << 20;

    // No word that is looked for, with what follows it, is longer.
    private const int Overlap = 128;

    private static readonly byte[] _type = [.. "\"type\""u8];
    private static readonly byte[] _status = [.. "\"status\""u8];
    private static readonly byte[][] _ends = [[.. "\"finish_reason\""u8], [.. "\"stop_reason\""u8], _type, _status];

    /// <summary>Reads until it is known whether the answer is a call.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="first">Its first part.</param>
    /// <param name="isStream">Whether it is a stream of events.</param>
    /// <param name="lease">The attempt.</param>
    /// <returns>All that was read, and what it says.</returns>
    public static async ValueTask<(ReadOnlyMemory<byte> Parts, CallVerdict Verdict)> ReadAsync(IPassageAnswer answer, ReadOnlyMemory<byte> first, bool isStream, NodeLease lease)
    {
        var verdict = Of(first.Span, isStream);
        if (verdict != CallVerdict.Open)
            return (first, verdict);
        var held = new ArrayBufferWriter<byte>(Math.Max(4096, first.Length * 2));
        held.Write(first.Span);
        while (verdict == CallVerdict.Open && held.WrittenCount < MaxHeld)
        {
            var part = await answer.ReadAsync(lease.Token).ConfigureAwait(false);
            if (part.IsEmpty)
                return (held.WrittenMemory, EndOf(held.WrittenSpan, isWhole: !isStream) == CallVerdict.Ignored ? CallVerdict.Ignored : CallVerdict.Passes);
            lease.Progressed();
            var from = Math.Max(0, held.WrittenCount - Overlap);
            held.Write(part.Span);
            verdict = Of(held.WrittenSpan[from..], isStream);
        }
        return (held.WrittenMemory, verdict == CallVerdict.Open ? CallVerdict.Passes : verdict);
    }

    /// <summary>What a part says. An answer that is no stream may say its end before its call, so it is judged at its end alone.</summary>
    internal static CallVerdict Of(ReadOnlySpan<byte> json, bool isStream)
    {
        if (Calls(json))
            return CallVerdict.Passes;
        return isStream ? EndOf(json, isWhole: false) : CallVerdict.Open;
    }

    private static bool Calls(ReadOnlySpan<byte> json)
    {
        for (var value = After(json, "\"tool_calls\""u8); !value.IsEmpty; value = After(value, "\"tool_calls\""u8))
        {
            if (value[0] == (byte)'[' && value[1..].TrimStart(" \t\r\n"u8) is [(byte)'{', ..])
                return true;
        }
        for (var value = After(json, "\"type\""u8); !value.IsEmpty; value = After(value, "\"type\""u8))
        {
            // Anthropic's blocks, and the items of a response: function_call, custom_tool_call, web_search_call and the like.
            if (TextOf(value) is var type && (type.SequenceEqual("tool_use"u8) || type.EndsWith("_call"u8)))
                return true;
        }
        return false;
    }

    /// <param name="json">The answer, or a part of a stream.</param>
    /// <param name="isWhole">Whether it is all of an answer that is no stream.</param>
    private static CallVerdict EndOf(ReadOnlySpan<byte> json, bool isWhole)
    {
        var verdict = CallVerdict.Open;
        foreach (var member in _ends)
        {
            for (var value = After(json, member); !value.IsEmpty; value = After(value, member))
            {
                var judged = Judge(member, TextOf(value), isWhole);
                if (judged == CallVerdict.Passes)
                    return judged;
                verdict = judged == CallVerdict.Ignored ? judged : verdict;
            }
        }
        return verdict;
    }

    private static CallVerdict Judge(byte[] member, ReadOnlySpan<byte> text, bool isWhole)
    {
        if (text.IsEmpty)
            return CallVerdict.Open;
        if (member == _type)
        {
            return text.SequenceEqual("response.completed"u8) ? CallVerdict.Ignored
                : text.SequenceEqual("response.incomplete"u8) || text.SequenceEqual("response.failed"u8) ? CallVerdict.Passes : CallVerdict.Open;
        }
        // The items of a response have a status too. In a stream its last event says how the whole ended.
        if (member == _status)
        {
            return text.SequenceEqual("incomplete"u8) || text.SequenceEqual("failed"u8) ? CallVerdict.Passes
                : isWhole && text.SequenceEqual("completed"u8) ? CallVerdict.Ignored : CallVerdict.Open;
        }
        return text.SequenceEqual("stop"u8) || text.SequenceEqual("end_turn"u8) || text.SequenceEqual("stop_sequence"u8) ? CallVerdict.Ignored : CallVerdict.Passes;
    }

    /// <summary>The text at the beginning, without its quotes; empty where it is no text, or not all there.</summary>
    private static ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> value) =>
        value[0] == (byte)'"' && value[1..].IndexOf((byte)'"') is > 0 and var end ? value[1..(end + 1)] : default;

    /// <summary>From the next value of a member of that name on; empty where there is none.</summary>
    private static ReadOnlySpan<byte> After(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        while (json.IndexOf(name) is >= 0 and var at)
        {
            json = json[(at + name.Length)..].TrimStart(" \t\r\n"u8);
            if (json is [(byte)':', ..] && json[1..].TrimStart(" \t\r\n"u8) is { IsEmpty: false } value)
                return value;
        }
        return default;
    }
}
