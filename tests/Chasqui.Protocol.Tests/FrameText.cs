using System.Text.Json;

namespace Chasqui.Protocol.Tests;

/// <summary>A frame as text, made of its bytes or of a vector, so that both can be compared.</summary>
internal static class FrameText
{
    internal static string Describe(byte[] frame)
    {
        var header = FrameHeader.Read(frame);
        var payload = frame.AsSpan(FrameHeader.Size);
        return $"{header.Type} {header.Stream} {Payload(header.Type, payload)}".ToLowerInvariant();
    }

    internal static string Describe(JsonElement v)
    {
        var payload = v.GetProperty("type").GetString() switch
        {
            "HELLO" => Hello(v.GetProperty("settings")),
            "REQUEST" => $"{Names(v)} {v.GetProperty("priority")} {v.GetProperty("block")} {v.GetProperty("body")}",
            "RESPONSE" => $"{Names(v)} normal {v.GetProperty("block")} {v.GetProperty("body")}",
            "DATA" => $"{Names(v)} {v.GetProperty("body")}",
            "BATCH" => string.Join(';', v.GetProperty("entries").EnumerateArray().Select(e => $"{e.GetProperty("stream")} {e.GetProperty("end")} {e.GetProperty("body")}")),
            "RESET" => $"{v.GetProperty("code")} {v.GetProperty("reason")}",
            "CREDIT" => $"{v.GetProperty("increment")}",
            "HEARTBEAT" => $"{v.GetProperty("answer")} {v.GetProperty("bytes")}",
            _ => $"{v.GetProperty("last")} {v.GetProperty("code")} {v.GetProperty("reason")}",
        };
        return $"{v.GetProperty("type")} {v.GetProperty("stream")} {payload}".ToLowerInvariant();
    }

    private static string Payload(FrameType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case FrameType.Hello:
                return Show(Settings.Read(payload));
            case FrameType.Request or FrameType.Response:
                var head = StreamHead.Read(payload);
                return $"{Names(head.Flags)} {head.Priority} {Convert.ToHexString(head.Block)} {Convert.ToHexString(head.Body)}";
            case FrameType.Data:
                if (payload.Length == 0)
                    throw new ProtocolException(ErrorCode.ProtocolError, "no flags");
                DataFlags.Check(FrameFlagBits.Flags(payload[0]));
                return $"{Names(FrameFlagBits.Flags(payload[0]))} {Convert.ToHexString(payload[1..])}";
            case FrameType.Batch:
                var entries = new List<string>();
                for (var reader = new BatchReader(payload); reader.Next();)
                    entries.Add($"{reader.Stream} {reader.End} {Convert.ToHexString(reader.Body)}");
                return string.Join(';', entries);
            case FrameType.Reset:
                var (code, reason) = ControlPayload.ReadReset(payload);
                return $"{(uint)code} {reason}";
            case FrameType.Credit:
                return $"{ControlPayload.ReadCredit(payload)}";
            case FrameType.Heartbeat:
                var (isAnswer, bytes) = ControlPayload.ReadHeartbeat(payload);
                return $"{isAnswer} {bytes:x16}";
            case FrameType.Goodbye:
                var goodbye = ControlPayload.ReadGoodbye(payload);
                return $"{goodbye.LastStream} {(uint)goodbye.Code} {goodbye.Reason}";
            default:
                throw new ProtocolException(ErrorCode.UnknownType, $"type {(byte)type}");
        }
    }

    private static string Hello(JsonElement settings)
    {
        var s = new Settings();
        foreach (var p in settings.EnumerateObject())
        {
            s = p.Name switch
            {
                "max_frame" => s with { MaxFrame = p.Value.GetUInt32() },
                "max_streams" => s with { MaxStreams = p.Value.GetUInt32() },
                "heartbeat_ms" => s with { HeartbeatMs = p.Value.GetUInt32() },
                "name" => s with { Name = p.Value.GetString()! },
                "authorization" => s with { Authorization = p.Value.GetString() },
                _ => throw new InvalidOperationException(p.Name),
            };
        }

        return Show(s);
    }

    private static string Show(Settings s) =>
        $"{s.MaxFrame} {s.StreamCredit} {s.ConnectionCredit} {s.MaxStreams} {s.MaxHeaderList} {s.HeaderTable} {s.HeartbeatMs} {s.Name} {s.Authorization}";

    private static string Names(JsonElement v) => string.Join('+', v.GetProperty("flags").EnumerateArray().Select(f => f.GetString()));

    private static string Names(FrameFlags flags) =>
        string.Join('+', new[] { FrameFlags.End, FrameFlags.More, FrameFlags.Message }.Where(f => (flags & f) != 0));
}
