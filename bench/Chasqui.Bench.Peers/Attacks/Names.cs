using System.Text.Json;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Names, paths and addresses that are made to do harm.</summary>
internal static class Names
{
    private static readonly string[] _models =
    [
        "x://mini://registry.ollama.ai/library/secret", "library/*", "*", "..", "../../etc/passwd", "mini:latest:latest", "http://127.0.0.1/mini", "registry.ollama.ai//library/mini",
        "MINI", "mini\u0000", "mini\r\nX: y", "mini/../../mini", "\u202Emini", "mini%2e%2e", "@mini", "mini@sha256:0", "//mini", "mini:", ":mini", "huggingface.co/../x/y:z", "\uD83E\uDD99",
    ];

    private static readonly string[] _paths =
    [
        "/api/\u0001tags", "/%00", "/api/%2e%2e/tags", "/../../etc/passwd", "//api/tags", "/api/tags%00", "/api/sessions/%0d%0aX-Evil:%201", "/api/blobs/../../keys.json", "/api/blobs/sha256:%2e%2e%2fkeys.json",
        "/v1/models/%ff%fe", "/api/generations/..%2f..", "/\u007f", "/api/tags?%", "*", "http://169.254.169.254/latest/meta-data/", "/api/sessions/" + "%E0%80%AF",
    ];

    private static readonly string[] _registries =
    [
        "127.0.0.1:{0}/library/x", "localhost:{0}/library/x", "[::1]:{0}/library/x", "169.254.169.254/latest/meta-data", "10.255.255.1/a/b", "192.168.0.1:80/a/b", "0.0.0.0:{0}/a/b",
        "http://127.0.0.1:{0}/library/x", "2130706433:{0}/library/x", "registry.ollama.ai@127.0.0.1:{0}/a/b", "registry.ollama.ai.127.0.0.1.nip.io/a/b",
    ];

    private static readonly string[] _images =
    [
        "http://127.0.0.1:{0}/api/tags", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.1]:{0}/", "http://2130706433:{0}/", "http://0x7f000001:{0}/", "http://localhost:{0}/", "file:///etc/passwd",
        "http://10.0.0.1/", "gopher://127.0.0.1:{0}/_x", "HTTP://LOCALHOST:{0}/", "http://127.1:{0}/", "http://user@127.0.0.1:{0}/",
    ];

    public static Task ModelsAsync(AttackRun run) => run.RepeatAsync(3, 10, (_, random) =>
    {
        var name = random.Next(4) == 0 ? Garbage(random) : _models[random.Next(_models.Length)];
        var model = JsonSerializer.Serialize(name);
        return random.Next(4) switch
        {
            0 => run.PostAsync("/api/show", $$"""{"model":{{model}}}"""),
            1 => run.PostAsync("/v1/chat/completions", $$"""{"model":{{model}},"max_tokens":1,"messages":[{"role":"user","content":"x"}]}"""),
            2 => run.PostAsync("/api/create", $$"""{"model":{{model}},"from":{{model}},"stream":false}""", run.Target.ModelsKey),
            _ => run.PostAsync("/api/copy", $$"""{"source":{{model}},"destination":{{model}}}""", run.Target.ModelsKey),
        };
    });

    public static Task PathsAsync(AttackRun run) => run.RepeatAsync(3, 10, async (_, random) =>
    {
        using var link = await run.DialAsync();
        var path = random.Next(6) == 0 ? "/" + new string('a', random.Next(1, 60_000)) : _paths[random.Next(_paths.Length)];
        var method = (string[])["GET", "POST", "DELETE", "PATCH", "CONNECT", "TRACE", "FOO", "get"];
        await link.SendAsync(run.Head($"{method[random.Next(method.Length)]} {path}", "Content-Length: 2", "Connection: close") + "{}");
        run.Did();
        await link.DrainAsync();
    });

    public static Task PullsAsync(AttackRun run) => run.RepeatAsync(2, 20, (_, random) =>
    {
        var model = JsonSerializer.Serialize(Fill(_registries[random.Next(_registries.Length)], run));
        return run.PostAsync(random.Next(4) == 0 ? "/api/push" : "/api/pull", $$"""{"model":{{model}},"insecure":{{(random.Next(2) == 0 ? "true" : "false")}}}""", random.Next(4) == 0 ? null : run.Target.ModelsKey);
    });

    public static Task ImagesAsync(AttackRun run) => run.RepeatAsync(2, 20, (_, random) =>
    {
        var url = JsonSerializer.Serialize(Fill(_images[random.Next(_images.Length)], run));
        return random.Next(2) == 0
            ? run.PostAsync("/v1/chat/completions", $$"""{"model":"bench","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":{{url}} } }]}]}""")
            : run.PostAsync("/v1/messages", $$"""{"model":"bench","max_tokens":8,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":{{url}} } }]}]}""");
    });

    private static string Fill(string form, AttackRun run) => string.Format(System.Globalization.CultureInfo.InvariantCulture, form, run.Target.HttpPort);

    private static string Garbage(Random random) => new([.. Enumerable.Range(0, random.Next(1, 3000)).Select(_ => (char)random.Next(1, 0xD7FF))]);
}
