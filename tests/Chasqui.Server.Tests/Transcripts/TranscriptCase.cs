using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>One recorded exchange with a real Ollama.</summary>
internal sealed class TranscriptCase
{
    private readonly JsonObject _request;
    private readonly JsonObject _response;

    private TranscriptCase(JsonObject json)
    {
        Seq = (int)json["seq"]!;
        Name = (string)json["name"]!;
        NeedsSameWeights = (bool?)json["needs_same_weights"] ?? false;
        _request = json["request"]!.AsObject();
        _response = json["response"]!.AsObject();
    }

    public int Seq { get; }

    public string Name { get; }

    /// <summary>The words depend on the model's weights; only the shape can be compared.</summary>
    public bool NeedsSameWeights { get; }

    public string Method => (string)_request["method"]!;

    public string Path => TranscriptUploads.Rename((string)_request["path"]!);

    public IEnumerable<KeyValuePair<string, string>> RequestHeaders => _request["headers"]!.AsObject()
        .Where(header => header.Value is not null).Select(header => KeyValuePair.Create(header.Key, (string)header.Value!));

    public int Status => (int)_response["status"]!;

    /// <summary>The recorded lines, where the answer was a stream.</summary>
    public IReadOnlyList<string>? Lines => _response["ndjson"]?.AsArray().Select(line => (string)line!).ToList();

    /// <summary>The recorded events, where the answer was a stream of them.</summary>
    public IReadOnlyList<string>? Events => _response["sse"]?.AsArray().Select(block => (string)block!).ToList();

    public string Body => (string?)_response["body_text"] ?? "";

    public static IReadOnlyList<TranscriptCase> ReadAll(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*.json").Where(file => System.IO.Path.GetFileName(file) != "behaviours.json")
            .Select(file => new TranscriptCase(JsonNode.Parse(File.ReadAllText(file))!.AsObject())).OrderBy(recorded => recorded.Seq),
    ];

    /// <summary>A header of the recorded answer; empty where it was not sent.</summary>
    public string Header(string name) => (string?)_response["headers"]![name] ?? "";

    /// <summary>The bytes that were sent; null for no body.</summary>
    public byte[]? RequestBody() => _request["body"] switch
    {
        null => null,
        JsonValue text => Encoding.UTF8.GetBytes(TranscriptUploads.Rename((string)text!)),
        JsonObject special when special["$file"] is { } file => TranscriptUploads.Bytes((string)file!),
        JsonObject special when special["$hex"] is { } hex => Convert.FromHexString((string)hex!),
        // Recorded with the name of a model that there is not, whatever the note in the file says.
        JsonObject special when special["$json_with_long_string"] is not null => LongBody((int)special["bytes"]!),
        _ => throw new InvalidOperationException($"{Name} has a body of an unknown kind"),
    };

    private static byte[] LongBody(int bytes)
    {
        const string Empty = """{"model": "nope", "system": ""}""";
        return Encoding.UTF8.GetBytes(Empty.Insert(Empty.Length - 2, new string('x', bytes - Empty.Length)));
    }

    public override string ToString() => JsonSerializer.Serialize(Name);
}
