// SPDX-License-Identifier: Apache-2.0
//
// What is told of images, and when they are asked for again. Kubernetes pkg/kubelet/images/image_manager.go.
import Manifest
import PodEngine
import Testing

@Suite struct Pulling {
  private func pod() -> World { World.pod("  containers: [{name: a, image: reg.example/b}]\n") }

  @Test func aPullIsToldFromItsBeginning() {
    let w = pod()
    w.image = { c in
      w.send(.imagePulling(container: c))
      return .imageReady(
        container: c, image: "reg.example/b:latest", imageID: "reg.example/b@sha256:1",
        pulled: ImagePulled(took: 1_234_567_890, tookWithWaiting: 62_500_999_999, size: 4711))
    }
    w.admit()
    #expect(Array(w.reasons().dropFirst()) == ["Pulling", "Pulled", "Created", "Started"])
    #expect(w.messages("Pulling") == ["Pulling image \"reg.example/b\""])
    #expect(w.messages("Pulled") == ["Successfully pulled image \"reg.example/b\" in 1.234s (1m2.5s including waiting). Image size: 4711 bytes."])
    #expect(w.status("a").image == "reg.example/b:latest" && w.status("a").imageID == "reg.example/b@sha256:1")
  }

  @Test func anImageThatIsThereIsNotPulled() {
    let w = pod()
    w.admit()
    #expect(w.messages("Pulled") == ["Container image \"reg.example/b\" already present on machine and can be accessed by the pod"])
    #expect(!w.reasons().contains("Pulling"))
  }

  @Test func theImageOfAVolumeIsThePodsAffair() {
    let w = pod()
    var tries = 0
    w.image = { c in
      tries += 1
      w.send(.imagePulling(container: c, volumeImage: "reg.example/files"))
      if tries == 1 { return .imageFailed(container: c, reason: "ErrImagePull", message: "no", volumeImage: "reg.example/files") }
      w.send(.volumeImageReady(image: "reg.example/files", pulled: ImagePulled(took: 2_000_000, tookWithWaiting: 2_000_000, size: 5)))
      return nil
    }
    w.admit()
    #expect(w.status("a").state == .waiting(reason: "ErrImagePull", message: "no"))
    w.run(seconds: 5)
    #expect(w.status("a").state == .waiting(reason: "ImagePullBackOff", message: "Back-off pulling image \"reg.example/files\": ErrImagePull: no"))
    w.run(seconds: 30)
    #expect(w.running["a"] != nil)
    let told = w.events.filter { $0.fieldPath == nil }.map(\.message)
    #expect(told.contains("Failed to pull image \"reg.example/files\": no") && told.contains("Back-off pulling image \"reg.example/files\""))
    #expect(told.contains("Successfully pulled image \"reg.example/files\" in 2ms (2ms including waiting). Image size: 5 bytes."))
    #expect(!w.messages("Failed").contains("Error: ErrImagePull"))
  }

  @Test func backOffDoublesAndEndsAtFiveMinutes() {
    let w = pod()
    var tries: [Int64] = []
    w.image = { c in
      tries.append(w.clock / 1_000_000_000)
      w.send(.imagePulling(container: c))
      return .imageFailed(container: c, reason: "ErrImagePull", message: "no")
    }
    w.admit()
    w.run(seconds: 1300)
    #expect(zip(tries, tries.dropFirst()).map { $1 - $0 } == [10, 20, 40, 80, 160, 300, 300, 300])
    #expect(w.status("a").state == .waiting(reason: "ImagePullBackOff", message: "Back-off pulling image \"reg.example/b\": ErrImagePull: no"))
    #expect(w.messages("Failed").prefix(3) == ["Failed to pull image \"reg.example/b\": no", "Error: ErrImagePull", "Error: ImagePullBackOff"])
    #expect(w.messages("BackOff").first == "Back-off pulling image \"reg.example/b\"")
    #expect(w.status("a").image == "reg.example/b")
  }

  @Test(arguments: [("ErrImageNeverPull", "ErrImageNeverPull"), ("InvalidImageName", "InspectFailed"), ("ImageInspectError", "InspectFailed")])
  func whatNoPullHelps(_ reason: String, _ event: String) {
    let w = pod()
    w.image = { .imageFailed(container: $0, reason: reason, message: "why") }
    w.admit()
    w.run(seconds: 30)
    #expect(w.status("a").state == .waiting(reason: reason, message: "why"))
    #expect(w.messages(event).first == "why" && w.messages("Failed").first == "Error: \(reason)")
    #expect(!w.reasons().contains("BackOff") && !w.reasons().contains("Pulling") && w.phase == .pending)
  }
}
