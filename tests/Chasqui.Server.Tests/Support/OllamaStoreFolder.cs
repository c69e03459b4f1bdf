using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Chasqui.Server.Tests;

/// <summary>
/// A model store in Ollama's form in a temporary folder, with the models that the transcripts know: all of them the shipped
/// model, under the templates, parameters and texts of the recording.
/// </summary>
internal sealed class OllamaStoreFolder : IDisposable
{
    private const string PlainTemplate = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n";

    private const string ToolsTemplate =
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ if and (eq .Role \"user\") $.Tools }}{{ $.Tools }}\n{{ end }}{{ .Content }}"
        + "{{ range .ToolCalls }}{\"name\": \"{{ .Function.Name }}\", \"arguments\": {{ .Function.Arguments }}}{{ end }}<|im_end|>\n{{ end }}<|im_start|>assistant\n";

    private const string SuffixTemplate =
        "{{- if .Suffix }}<|im_start|>user\n{{ .Prompt }} {{ .Suffix }}<|im_end|>\n<|im_start|>assistant\n{{ else }}{{ range .Messages }}<|im_start|>{{ .Role }}\n"
        + "{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n{{ end }}";

    private const string ThinkTemplate =
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
        + "{{ if and $.IsThinkSet $.Think }}<think>\n{{ end }}";

    public OllamaStoreFolder()
    {
        Directory.CreateDirectory(Path.Combine(Folder, "blobs"));
        var mini = File.ReadAllBytes(Repository.Mini);
        var weights = Blob(mini);
        var other = Blob(GgufEdit.WithNumber(mini, "test.copy", 2));
        var pooled = Blob(GgufEdit.WithNumber(mini, "llama.pooling_type", 1));
        JsonObject stops = new() { ["stop"] = new JsonArray("<|im_start|>", "<|im_end|>") };

        Add("mini", "latest", weights, "", PlainTemplate, stops);
        Add("mini-sys", "latest", weights, "mini:latest", PlainTemplate,
            new JsonObject { ["temperature"] = 0, ["num_predict"] = 6, ["stop"] = new JsonArray("<|im_end|>", "zzz"), ["seed"] = 7 },
            ("system", "You are a helpful assistant."), ("license", "LICENSE ONE"), ("license", "LICENSE TWO"),
            ("messages", """[{"role":"user","content":"Hi!"},{"role":"assistant","content":"Hello!"}]"""));
        Add("mini-tools", "latest", weights, "mini:latest", ToolsTemplate, stops);
        Add("mini-fim", "latest", weights, "mini:latest", SuffixTemplate, stops);
        Add("mini-think", "latest", weights, "mini:latest", ThinkTemplate, stops);
        Add("Mini-Case", "V1", weights, "mini:latest", PlainTemplate, stops);
        Add("mini-embed", "latest", pooled, "", PlainTemplate, stops);
        Add("mini2", "latest", other, "", PlainTemplate, stops);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("chasqui-store-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void Add(string name, string tag, string weights, string from, string template, JsonObject parameters, params (string Kind, string Text)[] texts)
    {
        var layers = new JsonArray(Layer("model", weights, from), Layer("template", Blob(Encoding.UTF8.GetBytes(template))),
            Layer("params", Blob(Encoding.UTF8.GetBytes(parameters.ToJsonString()))));
        foreach (var (kind, text) in texts)
            layers.Add((JsonNode)Layer(kind, Blob(Encoding.UTF8.GetBytes(text))));
        var config = Blob("""{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"935K","file_type":"Q8_0"}"""u8.ToArray());
        var manifest = new JsonObject { ["schemaVersion"] = 2, ["config"] = Layer("config", config), ["layers"] = layers };
        var folder = Path.Combine(Folder, "manifests", "registry.ollama.ai", "library", name);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, tag), manifest.ToJsonString());
    }

    private JsonObject Layer(string kind, string digest, string from = "")
    {
        var layer = new JsonObject
        {
            ["mediaType"] = "application/vnd.ollama.image." + kind,
            ["digest"] = "sha256:" + digest,
            ["size"] = new FileInfo(Path.Combine(Folder, "blobs", "sha256-" + digest)).Length,
        };
        if (from.Length > 0)
            layer["from"] = from;
        return layer;
    }

    private string Blob(byte[] bytes)
    {
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllBytes(Path.Combine(Folder, "blobs", "sha256-" + digest), bytes);
        return digest;
    }
}
